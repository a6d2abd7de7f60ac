"""A verdict into a whole result: with ranked causes, the report that the page is drawn from, the lines of the alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aiwatch.detect.bars import bars
from aiwatch.detect.explain import explain
from aiwatch.detect.impact import impact
from aiwatch.detect.signs.extent import extent, gap
from aiwatch.detect.situation import SELDOM, Situation, by_time, situation_of
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Counts, Profile, Segment
from aiwatch.profiles.result import Result
from aiwatch.report import alert_text
from aiwatch.report.document import FeatureReport, Report, SegmentReport

_FEATURES = 16  # that are drawn
_WINDOWS = 72  # that a course shows
_SEGMENTS = 12
_MOVED = 0.15  # from which on a feature of a segment is named; see `extent`
_FEWEST = 100  # rows of a segment


def explained(
    result: Result,
    baseline: Baseline,
    windows: Sequence[Profile],
    *,
    upstream: Mapping[str, Result] | None = None,
    usual: Profile | None = None,
    clocked: bool = True,
    chance: float = SELDOM,
    seasonal: bool = False,
) -> Result:
    """Return a result with causes, and, where there are any or something drifted, with text and report.

    Args:
        result: the verdict of the last window.
        baseline: the training period.
        windows: profiles up to and with the last window, in the order of time; one for each model version of a window.
        upstream: the last result of each process that this one depends on.
        usual: what stands for the windows before the change where there are none.
        clocked: whether windows are times; else they are pieces of a file.
        chance: see `Situation`.
        seasonal: see `Situation`.
    """
    situation = situation_of(
        baseline,
        windows,
        result.findings,
        upstream=upstream,
        usual=usual,
        clocked=clocked,
        chance=chance,
        seasonal=seasonal,
    )
    causes = explain(situation)
    if not causes and not situation.drifted:
        return result
    said = tuple(impact(situation, causes))
    report = Report(
        since=situation.since or result.time,
        rows_since=situation.now.rows,
        baseline_rows=baseline.source.rows,
        baseline_start=baseline.source.start,
        baseline_end=baseline.source.end,
        times=tuple(window.start for window in by_time(windows)[-_WINDOWS:]),
        features=tuple(_features(situation, by_time(windows)[-_WINDOWS:])),
        segments=tuple(_segments(situation)),
        impact=said,
        clocked=clocked,
    )
    since = situation.since if clocked else None
    return msgspec.structs.replace(
        result,
        causes=causes,
        text=alert_text(result.findings, causes, since, said),
        report=msgspec.to_builtins(report),
    )


def _features(situation: Situation, windows: Sequence[Profile]) -> Iterator[FeatureReport]:
    """Yield what drifted, the farthest moved first, then the model's output, then what moved besides."""
    moved = {name: _moved(situation, name) for name in situation.baseline.features}
    concerned = situation.drifted | {name for name in situation.suspects if moved[name] > _MOVED}
    order = sorted(concerned & moved.keys(), key=lambda name: (name not in situation.drifted, -moved[name]))
    if situation.prediction is not None and situation.prediction not in order[:_FEATURES]:
        order.insert(min(len(order), _FEATURES - 1), situation.prediction)
    for name in order[:_FEATURES]:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        yield FeatureReport(
            name=name,
            distribution=bars(feature, counts),
            missing=(_missing(feature.counts), _missing(counts)),
            course=tuple(round(_moved(Situation(situation.baseline, window), name), 3) for window in windows),
        )


def _missing(counts: Counts) -> float:
    return round((counts.missing + counts.invalid) / max(counts.rows, 1), 5)


def _moved(situation: Situation, name: str) -> float:
    """Return how far a feature moved, values that are gone or new included."""
    return extent(situation, name) + 2 * abs(gap(situation, name))


def _segments(situation: Situation) -> Iterator[SegmentReport]:
    """Yield the segments whose features moved most, against the same segment before the change where there is one."""
    found: list[tuple[float, SegmentReport]] = []
    for feature, segments in situation.now.segments.items():
        before = situation.before.segments.get(feature, {}) if situation.before is not None else {}
        for value, segment in segments.items():
            if segment.rows < _FEWEST:
                continue
            then = before.get(value)
            moved = _moved_in(situation, feature, segment, then)
            was = None if then is None or situation.before is None else then.rows / max(situation.before.rows, 1)
            share = segment.rows / max(situation.now.rows, 1)
            found.append((sum(moved.values()), SegmentReport(
                f"{feature} = {value}"[:100], segment.rows, (was, share), tuple(moved.items())[:3]
            )))  # fmt: skip
    found.sort(key=lambda each: -each[0])
    yield from (report for _, report in found[:_SEGMENTS])


def _moved_in(situation: Situation, by: str, segment: Segment, then: Segment | None) -> dict[str, float]:
    """Return how far features moved within a segment, the farthest first; without a past, against the whole."""
    baseline = situation.baseline
    if then is not None and then.rows >= _FEWEST:
        held = baseline.features.items()
        features = {name: msgspec.structs.replace(feature, counts=then.features[name]) for name, feature in held}
        baseline = msgspec.structs.replace(baseline, features=features)
    now = msgspec.structs.replace(situation.now, features=segment.features)
    looked_at = {*situation.suspects, situation.prediction} - {by, None}
    sizes = {name: round(_moved(Situation(baseline, now), name), 3) for name in baseline.features if name in looked_at}
    ordered = sorted(sizes, key=lambda name: -sizes[name])
    return {name: sizes[name] for name in ordered if sizes[name] > _MOVED}
