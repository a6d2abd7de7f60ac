"""What the predictions of one model version looked like in one hour, in counts that add up.

Two exporters that read parts of the same traffic each make a profile; `merge` makes one of them, and any number of
hours become a longer window in the same way. Everything is a sum, a minimum, a maximum or a set of smallest hashes,
so the order does not matter. All sums of scores are integers, so that it does not matter to the last digit either.
"""

from __future__ import annotations

import copy
import heapq
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime
from operator import add
from typing import Protocol, TypeVar

import msgspec

from aiwatch import names

MAX_UNSEEN = 50  # unseen values per feature that are told apart; the rest is OTHER
REPEATS = 64  # smallest hashes of rows that are kept
LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Numeric(msgspec.Struct, frozen=True, tag="numeric"):
    """How a number is counted: ``edges`` ascend, and bin ``i`` holds ``edges[i - 1] < x <= edges[i]``.

    There is one bin more than there are edges: the last one holds what lies above all of them.
    """

    edges: tuple[float, ...]

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return len(self.edges) + 1

    def place(self, value: float) -> int:
        """Return the bin of a number.

        >>> shape = Numeric((1.0, 2.0))
        >>> [shape.place(value) for value in (0.5, 1.0, 1.5, 2.5)]
        [0, 0, 1, 2]
        """
        return bisect_left(self.edges, value)


class Categorical(msgspec.Struct, frozen=True, tag="categorical"):
    """How a category is counted: bin ``i`` holds ``values[i]``; any other value is unseen.

    Booleans and integers are categories by how JSON writes them: ``true``, ``7``.
    """

    values: tuple[str, ...]

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return len(self.values)


Shape = Numeric | Categorical
Key = TypeVar("Key")


class Counts(msgspec.Struct):
    """The values of one feature. What is missing (absent or null), invalid (of the wrong type) or unseen is in no bin.

    ``total`` and ``squares`` are sums of the numbers in all bins and of their squares, ``low`` and ``high`` the
    least and the greatest of them; they stay at their defaults for categories. These two sums are the only numbers
    whose last digit depends on the order of adding.
    """

    bins: list[int]
    missing: int = 0
    invalid: int = 0
    unseen: dict[str, int] = {}
    total: float = 0.0
    squares: float = 0.0
    low: float | None = None
    high: float | None = None

    @classmethod
    def empty(cls, shape: Shape) -> Counts:
        """Return counts of nothing."""
        return cls([0] * shape.bins)

    @property
    def seen(self) -> int:
        """How many values stand in bins."""
        return sum(self.bins)

    @property
    def rows(self) -> int:
        """How many rows were looked at, with or without a value."""
        return self.seen + self.missing + self.invalid + sum(self.unseen.values())

    def merge(self, other: Counts) -> None:
        """Add what ``other`` counted with the same shape."""
        self.bins = _added(self.bins, other.bins)
        self.missing += other.missing
        self.invalid += other.invalid
        self.unseen = bounded(summed(self.unseen, other.unseen))
        self.total += other.total
        self.squares += other.squares
        self.low = min((low for low in (self.low, other.low) if low is not None), default=None)
        self.high = max((high for high in (self.high, other.high) if high is not None), default=None)


def summed(mine: Mapping[Key, int], theirs: Mapping[Key, int]) -> dict[Key, int]:
    """Return the numbers of both, added where both have one.

    >>> summed({"a": 1}, {"a": 2, "b": 3})
    {'a': 3, 'b': 3}
    """
    return {**mine, **{key: mine.get(key, 0) + number for key, number in theirs.items()}}


def bounded(unseen: Mapping[str, int]) -> dict[str, int]:
    """Return numbers by value with the rarest of too many values under OTHER.

    >>> len(bounded({str(number): 1 for number in range(100)}))
    51
    """
    if len(unseen) <= MAX_UNSEEN + (names.OTHER in unseen):
        return dict(unseen)
    ordered = sorted(((number, value) for value, number in unseen.items() if value != names.OTHER), reverse=True)
    kept = {value: number for number, value in ordered[:MAX_UNSEEN]}
    return {**kept, names.OTHER: sum(unseen.values()) - sum(kept.values())}


class Counted(Protocol):
    """What adds up to a profile, however it is held."""

    model_version: str

    def plus(self, other: Counted) -> Counted:
        """Return the sum of both, which were counted with the same baseline; only that is to be used from now on."""

    def whole(self) -> Profile:
        """Return the profile."""


class Profile(msgspec.Struct):
    """One hour (or any longer window) of the predictions of one model version.

    Attributes:
        process: whose predictions.
        model_version: by which version; ``unknown`` where the record does not say.
        baseline: the fingerprint of the baseline whose shapes were counted with. Profiles of two do not add up.
        start: beginning of the window, in UTC.
        end: its end, excluded.
        rows: predictions.
        errors: those that failed.
        features: by name; the score (or predicted value) of a model is under ``names.SCORE`` (``names.VALUE``).
        decisions: predictions by decision, at most ``MAX_UNSEEN`` of them; empty for what decides nothing.
        latency: observations per bucket of ``LATENCY_BOUNDS``, not cumulative; the last one is +Inf.
        latency_total: their sum in seconds.
        sums: per feature in ``Baseline.relations``: sum of its rows' scores.
        products: the same for the products of two, as the upper triangle with diagonal, row by row.
        repeats: CRC-32 of the row's bins -> rows, for the ``REPEATS`` smallest: repeated rows show in the numbers.
        labels: score bin -> (rows whose true outcome is known, sum of these outcomes).
        segments: feature -> value -> counts of each feature in that segment; only values that came.
    """

    process: str
    model_version: str
    baseline: str
    start: datetime
    end: datetime
    rows: int = 0
    errors: int = 0
    features: dict[str, Counts] = {}
    decisions: dict[str, int] = {}
    latency: list[int] = []
    latency_total: float = 0.0
    sums: list[int] = []
    products: list[int] = []
    repeats: dict[int, int] = {}
    labels: dict[int, tuple[int, float]] = {}
    segments: dict[str, dict[str, Segment]] = {}

    def plus(self, other: Counted) -> Profile:
        """Return the sum of both."""
        self.merge(other.whole())
        return self

    def whole(self) -> Profile:
        """Return itself."""
        return self

    def merge(self, other: Profile) -> None:
        """Add what ``other`` counted with the same baseline; the window becomes the one that spans both."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.rows += other.rows
        self.errors += other.errors
        for feature, counts in other.features.items():
            self.features[feature].merge(counts)
        self.decisions = bounded(summed(self.decisions, other.decisions))
        self.latency = _added(self.latency, other.latency)
        self.latency_total += other.latency_total
        self.sums = _added(self.sums, other.sums)
        self.products = _added(self.products, other.products)
        self.repeats = smallest(summed(self.repeats, other.repeats))
        for place, (rows, total) in other.labels.items():
            held = self.labels.get(place, (0, 0.0))
            self.labels[place] = (held[0] + rows, held[1] + total)
        for feature, segments in other.segments.items():
            mine = self.segments.setdefault(feature, {})
            for value, segment in segments.items():
                if value in mine:
                    mine[value].merge(segment)
                else:
                    mine[value] = copy.deepcopy(segment)


class Segment(msgspec.Struct):
    """The rows of one segment, and the counts of its features."""

    rows: int = 0
    features: dict[str, Counts] = {}

    def merge(self, other: Segment) -> None:
        """Add what ``other`` counted of the same segment."""
        self.rows += other.rows
        for feature, counts in other.features.items():
            self.features[feature].merge(counts)


def smallest(repeats: Mapping[int, int]) -> dict[int, int]:
    """Return the ``REPEATS`` smallest hashes with their rows. What falls out never comes back, so counts stay exact.

    >>> smallest({number: 1 for number in range(100)}) == {number: 1 for number in range(REPEATS)}
    True
    """
    return {key: repeats[key] for key in heapq.nsmallest(REPEATS, repeats)}


def _added(mine: list[int], theirs: list[int]) -> list[int]:
    assert len(mine) == len(theirs)
    return list(map(add, mine, theirs))
