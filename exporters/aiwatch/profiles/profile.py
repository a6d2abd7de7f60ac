"""What the predictions of one model version looked like in one hour, in counts that add up.

Two exporters that read parts of the same traffic each make a profile; `merge` makes one of them, and any number of
hours become a longer window in the same way. Everything is a sum, a minimum, a maximum or a set of smallest hashes,
so the order does not matter. All sums of scores are integers, so that it does not matter to the last digit either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime

import msgspec

from aiwatch import names

MAX_UNSEEN = 50  # unseen values per feature that are told apart; the rest is OTHER
REPEATS = 64  # smallest hashes of rows that are kept


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


class Counts(msgspec.Struct):
    """The values of one feature. What is missing (absent or null), invalid (of the wrong type) or unseen is in no bin.

    ``total`` and ``squares`` are sums of the numbers in all bins and of their squares, ``low`` and ``high`` the
    least and the greatest of them; they stay at their defaults for categories.
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
        self.bins = [mine + theirs for mine, theirs in zip(self.bins, other.bins, strict=True)]
        self.missing += other.missing
        self.invalid += other.invalid
        self.unseen = bounded(
            {**self.unseen, **{value: self.unseen.get(value, 0) + number for value, number in other.unseen.items()}}
        )
        self.total += other.total
        self.squares += other.squares
        self.low = min((low for low in (self.low, other.low) if low is not None), default=None)
        self.high = max((high for high in (self.high, other.high) if high is not None), default=None)


def bounded(unseen: Mapping[str, int]) -> dict[str, int]:
    """Return unseen values with the rarest of too many under OTHER.

    >>> len(bounded({str(number): 1 for number in range(100)}))
    51
    """
    if len(unseen) <= MAX_UNSEEN + (names.OTHER in unseen):
        return dict(unseen)
    ordered = sorted(((number, value) for value, number in unseen.items() if value != names.OTHER), reverse=True)
    kept = {value: number for number, value in ordered[:MAX_UNSEEN]}
    return {**kept, names.OTHER: sum(unseen.values()) - sum(kept.values())}


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
        decisions: predictions by decision.
        latency: observations per bucket of the process's latency bounds, not cumulative; the last one is +Inf.
        latency_total: their sum in seconds.
        sums: per feature in ``Relations.features``: sum of its rows' scores.
        products: the same for the products of two, as the upper triangle with diagonal, row by row.
        repeats: CRC-32 of the row's bins -> rows, for the ``REPEATS`` smallest: repeated rows show in the numbers.
        labels: score bin -> (rows whose true outcome is known, sum of these outcomes).
        segments: feature -> value -> counts of each feature in that segment.
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


class Segment(msgspec.Struct):
    """The rows of one segment, and the counts of its features."""

    rows: int = 0
    features: dict[str, Counts] = {}


class ProfileDocument(msgspec.Struct, omit_defaults=True):
    """A profile as it is stored: what one looks for in plain fields, the rest packed.

    ``part`` tells who counted it: the profile of an hour is the sum of its parts. ``sequence`` grows with each
    writing of the same part, the highest holds.
    """

    time: datetime = msgspec.field(name=names.TIMESTAMP)
    process: str
    model_version: str
    baseline: str
    end: datetime
    rows: int
    part: str
    sequence: int
    packed: str
