"""What of each feature is tested: its values, how many are missing, how many were never seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aiwatch import names
from aiwatch.detect.contracts import DriftTest
from aiwatch.detect.tests import by_name, choose, missing_share, relations, unseen_categories
from aiwatch.profiles.baseline import Baseline, FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts


@dataclass(frozen=True)
class Criteria:
    """How features are judged.

    Attributes:
        min_rows: fewer are not tested.
        tests: feature -> name of the test of its values, where the automatic choice is not wanted.
        minimum_effect: name of a test -> from which effect on a change matters.
    """

    min_rows: int = 200
    tests: Mapping[str, str] = field(default_factory=dict)
    minimum_effect: Mapping[str, float] = field(default_factory=dict)

    def material(self, test: DriftTest) -> float:
        """Return from which effect on a change matters."""
        return self.minimum_effect.get(test.name, test.material)

    @property
    def material_relation(self) -> float:
        """From which change of a correlation on it matters."""
        return self.minimum_effect.get(relations.NAME, relations.MATERIAL)


def aspects(baseline: Baseline, criteria: Criteria, rows: int) -> Iterator[tuple[str, DriftTest]]:
    """Yield each feature with each test that it gets; ``rows`` is what the smallest window has.

    Raises:
        ValueError: the test that is wanted for a feature is not for features of its type.

    >>> from aiwatch.profiles.profile import Numeric
    >>> from types import SimpleNamespace
    >>> amount = FeatureBaseline(Numeric(()), Counts([9]), (0,))
    >>> [test.name for _, test in aspects(SimpleNamespace(features={"amount": amount}), Criteria(), 200)]
    ['kolmogorov_smirnov', 'missing_share']
    """
    for name, feature in baseline.features.items():
        test = by_name(criteria.tests[name]) if name in criteria.tests else choose(feature.shape, rows)
        if not isinstance(feature.shape, test.shapes):
            kind = "numbers" if isinstance(feature.shape, Categorical) else "categories"
            raise ValueError(f"{name}: the test {test.name} is for {kind} only; choose another one")
        if sum(feature.counts.bins):
            yield name, test
        yield name, missing_share.TEST
        if isinstance(feature.shape, Categorical):
            yield name, unseen_categories.TEST


def describe(test: DriftTest, baseline: FeatureBaseline, window: Counts) -> str:
    """Return in words what a feature is now, and what it was.

    >>> feature = FeatureBaseline(Categorical(("DE", "FR")), Counts([600, 400]), (0, 0))
    >>> describe(choose(feature.shape, 100), feature, Counts([200, 300]))
    "'DE' 40 %, was 60 %"
    >>> describe(missing_share.TEST, feature, Counts([600, 388], missing=12))
    'missing 1.2 %, was 0 %'
    >>> describe(choose(feature.shape, 100), feature, Counts([100, 0], unseen={"other": 90, "XX": 10}))
    "'FR' 0 %, was 40 %"
    >>> describe(unseen_categories.TEST, feature, Counts([100, 0], unseen={"other": 90, "XX": 10}))
    "unseen 50 %: 'XX', 'other'"
    """
    before = baseline.counts
    if test is missing_share.TEST:
        shares = [_share(counts.missing + counts.invalid, counts.rows) for counts in (window, before)]
        invalid = " or invalid" if window.invalid else ""
        return f"missing{invalid} {shares[0]}, was {shares[1]}"
    if test is unseen_categories.TEST:
        number = sum(window.unseen.values())
        rank = {value: (value == names.OTHER, -held, value) for value, held in window.unseen.items()}
        most = sorted(rank, key=rank.__getitem__)[:3]  # what stands for all others is named last
        return f"unseen {_share(number, window.seen + number)}: {', '.join(map(repr, most))}" if most else "unseen 0 %"
    if isinstance(baseline.shape, Categorical):
        held = [counts.seen + sum(counts.unseen.values()) for counts in (window, before)]
        if not all(held) or not window.bins:
            return ""
        place = max(range(len(window.bins)), key=lambda at: abs(window.bins[at] / held[0] - before.bins[at] / held[1]))
        now, was = _share(window.bins[place], held[0]), _share(before.bins[place], held[1])
        return f"{baseline.shape.values[place]!r} {now}, was {was}"
    if not window.seen or not before.seen:
        return ""
    return f"mean {_number(window.total / window.seen)}, was {_number(before.total / before.seen)}"


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 or abs(value) >= 1e9 else f"{value:.0f}"


def _share(part: int, rows: int) -> str:
    return f"{100 * part / rows if rows else 0:.3g} %"
