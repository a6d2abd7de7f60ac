"""What /metrics shows of every process: a pure translation of the newest result."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily

from aiwatch import names
from aiwatch.kinds.base import RATIO_BOUNDS
from aiwatch.kinds.drift import METRICS, Drift
from aiwatch.profiles.baseline import Baseline, FeatureBaseline
from aiwatch.profiles.fold import prediction_name
from aiwatch.profiles.profile import Numeric
from aiwatch.profiles.result import Finding, Result, State

MOST_FEATURES = 100  # of a process; the rest is names.OTHER
MOST_LINES = 5  # of evidence
_LONGEST = 200  # characters of a line
_LARGEST = 1e6  # what is beyond says no more
_STATES: tuple[State, ...] = ("ok", "drift", "not_enough_data", "learning", "no_baseline")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HARMLESS = str.maketrans("<>&", "()+")

Sample = tuple[str, tuple[str, ...], float]
"""Name of a metric, values of its labels, and its value."""


@dataclass(frozen=True)
class Shown:
    """What is shown of a process.

    Attributes:
        process: its name.
        drift: its settings.
        baseline: None where there is none.
        bounds: at which the distribution of the output in the baseline is shown.
        result: of the newest window, None before the first one.
        rows: predictions of the newest window alone.
        usual_rows: that its hours of the week usually have, 0 where that is not known.
        expected: feature -> seconds until it will have drifted.
    """

    process: str
    drift: Drift
    baseline: Baseline | None = None
    bounds: tuple[float, ...] = RATIO_BOUNDS
    result: Result | None = None
    rows: int = 0
    usual_rows: float = 0.0
    expected: Mapping[str, float] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The state of the newest window; before the first one there is not enough data."""
        if self.baseline is None:
            return "no_baseline"
        return self.result.state if self.result else "not_enough_data"


def strongest(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return for every feature the finding that is closest to drift, for it may be tested in several ways."""
    found: dict[str, Finding] = {}
    for finding in findings:
        held = found.get(finding.feature)
        if held is None or _closeness(finding) > _closeness(held):
            found[finding.feature] = finding
    return found


def effect_ratio(finding: Finding) -> float:
    """Return the size of a change, divided by the size from which on it matters."""
    return finding.effect / finding.material if finding.material > 0 else 0.0


def _closeness(finding: Finding) -> tuple[bool, float]:
    return finding.drifted, min(finding.evidence, effect_ratio(finding))


def samples(shown: Shown) -> Iterator[Sample]:
    """Yield everything that is shown of a process."""
    process, result = (shown.process,), shown.result
    for each in _STATES:
        yield names.DRIFT_STATE, (*process, each), float(each == shown.state)
    yield names.DRIFT_WINDOW_SECONDS, process, shown.drift.window
    yield names.BASELINE_MAX_AGE_SECONDS, process, shown.drift.max_baseline_age
    if shown.baseline is not None:
        yield names.BASELINE_TIMESTAMP_SECONDS, process, shown.baseline.created.timestamp()
        yield from _output(shown.process, shown.baseline, shown.bounds)
    if result is not None:
        yield names.DRIFT_WINDOW_ROWS, process, float(shown.rows)
        if shown.usual_rows:
            yield names.DRIFT_WINDOW_USUAL_ROWS, process, shown.usual_rows
        yield names.DRIFT_WINDOW_END_TIMESTAMP_SECONDS, process, result.end.timestamp()
        yield from _features(shown.process, result, shown.expected)
        yield from _untested(shown.process, result, shown.baseline)
    if result is not None and result.state == "drift":
        yield names.DRIFT_REPORT_INFO, (*process, result.id), 1.0
        yield from _cause(shown.process, result)


def _features(process: str, result: Result, expected: Mapping[str, float]) -> Iterator[Sample]:
    found = list(strongest(result.findings).items())
    kept = dict(found[:MOST_FEATURES])
    if rest := [finding for _, finding in found[MOST_FEATURES:]]:
        kept[names.OTHER] = max(rest, key=_closeness)
    for feature, finding in kept.items():
        yield names.DRIFT_DETECTED, (process, feature), float(finding.drifted)
        yield names.DRIFT_EFFECT_RATIO, (process, feature), _finite(effect_ratio(finding))
        yield names.DRIFT_EVIDENCE_RATIO, (process, feature), _finite(finding.evidence)
        if feature in expected and not finding.drifted:
            yield names.DRIFT_EXPECTED_SECONDS, (process, feature), expected[feature]


def _untested(process: str, result: Result, baseline: Baseline | None) -> Iterator[Sample]:
    """Yield a 0 for every feature that a window of too few rows says nothing of: a series must not come and go."""
    tested = {finding.feature for finding in result.findings}
    features = [feature for feature in (baseline.features if baseline else ()) if feature not in tested]
    for feature in features[: max(0, MOST_FEATURES - len(tested))]:
        yield names.DRIFT_DETECTED, (process, feature), 0.0


def _cause(process: str, result: Result) -> Iterator[Sample]:
    if not result.causes:
        return
    likely = result.causes[0]
    for feature in list(likely.features)[:MOST_LINES] or [""]:
        yield names.DRIFT_CAUSE_INFO, (process, likely.cause, feature), 1.0
    for line, text in enumerate(likely.evidence[:MOST_LINES], start=1):
        yield names.DRIFT_EVIDENCE_INFO, (process, str(line), one_line(text)), 1.0


def one_line(text: str) -> str:
    """Return a text for a label and a message: short, on one line, and without what Slack takes for a link or a call.

    Values of features may stand in it, and anybody may have written those.

    >>> one_line("unseen: '<!channel>'\\n& more")
    "unseen: '(!channel)' + more"
    """
    plain = _UNPRINTABLE.sub(" ", text).translate(_HARMLESS)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."


def _finite(value: float) -> float:
    return max(-_LARGEST, min(_LARGEST, value)) if not math.isnan(value) else 0.0


def _output(process: str, baseline: Baseline, bounds: tuple[float, ...]) -> Iterator[Sample]:
    output = prediction_name(baseline)
    feature = baseline.features.get(output) if output else None
    if feature is not None and isinstance(feature.shape, Numeric) and feature.counts.seen:
        for bound in bounds:
            yield names.BASELINE_OUTPUT_RATIO, (process, repr(float(bound))), share_up_to(feature, bound)
        yield names.BASELINE_OUTPUT_RATIO, (process, "+Inf"), 1.0


def share_up_to(feature: FeatureBaseline, bound: float) -> float:
    """Return which share of a number's values is at most ``bound``; within a bin they count as evenly spread.

    >>> from aiwatch.profiles.profile import Counts
    >>> ages = FeatureBaseline(Numeric((10.0, 20.0)), Counts([1, 2, 1], low=0.0, high=30.0), (0, 0, 0))
    >>> [share_up_to(ages, bound) for bound in (-1, 10, 15, 20, 40)]
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    counts = feature.counts
    assert isinstance(feature.shape, Numeric)
    edges = feature.shape.edges
    lows = [counts.low if counts.low is not None else bound, *edges]
    highs = [*edges, counts.high if counts.high is not None else bound]
    below = 0.0
    for number, low, high in zip(counts.bins, lows, highs, strict=True):
        if bound >= high:
            below += number
        elif bound > low:
            below += number * (bound - low) / (high - low)
    return below / counts.seen


class DriftCollector:
    """What a registry asks for the metrics: everything that is shown now."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self.shown: dict[str, Shown] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every metric, with the samples of all processes."""
        families = {
            metric.name: GaugeMetricFamily(metric.name, metric.help, labels=metric.labels) for metric in METRICS
        }
        for shown in list(self.shown.values()):
            for metric, labels, value in samples(shown):
                families[metric].add_metric(labels, value)
        yield from families.values()
