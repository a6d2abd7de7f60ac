"""Whole numbers of so few different values that they are counted as categories, as numbers again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from aiwatch import names
from aiwatch.detect.signs.smooth import Change
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric

_FEWEST = 5  # values with rows in the training period: fewer have no shape


def as_numbers(feature: FeatureBaseline, counts: Counts) -> Change | None:
    """Return the change of a number that is counted as a category, a bin for each value in ascending order.

    None if a known category is no number, or if the order of the values means nothing: a number that counts or rates
    something becomes more frequent up to a value, and less frequent after it, which codes hardly ever do.

    >>> shape, then, now = Categorical(("0", "1", "2", "3", "5")), Counts([1, 5, 9, 6, 2]), Counts([9, 3, 6, 4, 1])
    >>> change = as_numbers(FeatureBaseline(shape, then, (0, 0, 0, 0, 0)), now)
    >>> change.feature.shape.edges, change.counts.bins
    ((0.0, 1.0, 2.0, 3.0, 5.0), [9, 3, 6, 4, 1, 0])
    >>> as_numbers(FeatureBaseline(Categorical(("a", "b")), Counts([1, 5]), (0, 0)), Counts([1, 5])) is None
    True
    """
    if not isinstance(feature.shape, Categorical) or any(_number(value) is None for value in feature.shape.values):
        return None
    then, now = (_rows(feature.shape.values, each) for each in (feature.counts, counts))
    edges = tuple(sorted(then.keys() | now.keys()))
    were = [then.get(edge, 0) for edge in edges]
    if sum(rows > 0 for rows in were) < _FEWEST or not _one_peak([rows for rows in were if rows]):
        return None
    bins = [*were, 0]
    return Change(
        FeatureBaseline(Numeric(edges), _counted(then, bins), normal_scores(bins)),
        _counted(now, [*(now.get(edge, 0) for edge in edges), 0]),
    )


def _rows(values: tuple[str, ...], counts: Counts) -> dict[float, int]:
    """Return the rows of each number, known or not."""
    found: dict[float, int] = {}
    for value, rows in (*zip(values, counts.bins, strict=True), *counts.unseen.items()):
        number = None if value == names.OTHER else _number(value)
        if number is not None:
            found[number] = found.get(number, 0) + rows
    return found


def _counted(rows: Mapping[float, int], bins: list[int]) -> Counts:
    there = [number for number, count in rows.items() if count]
    return Counts(
        bins,
        total=sum(number * count for number, count in rows.items()),
        squares=sum(number**2 * count for number, count in rows.items()),
        low=min(there, default=None),
        high=max(there, default=None),
    )


def _one_peak(rows: list[int]) -> bool:
    """Tell whether numbers rise to the largest and fall after it, but for chance.

    >>> _one_peak([100, 400, 395, 405, 20]), _one_peak([9, 3, 1]), _one_peak([100, 400, 200, 350, 20])
    (True, True, False)
    """
    top = rows.index(max(rows))
    ascending = (*pairwise(rows[: top + 1]), *pairwise(rows[: top - 1 if top else None : -1]))
    return all(less - more < 3 * math.sqrt(less + more) for less, more in ascending)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
