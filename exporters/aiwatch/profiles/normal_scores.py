"""Integer normal scores of bins: how far from the middle a value of the training period lies, whatever its unit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from statistics import NormalDist

SCALE = 64  # of a score: its unit is a 64th of a standard deviation
_NORMAL = NormalDist()


def normal_scores(counts: Iterable[int]) -> tuple[int, ...]:
    """Return the score of each bin, of which ``counts`` says how many values of the training period it holds.

    A bin's score is the mean of the standard normal distribution between the quantiles that the bin lies between,
    times 64. Over all these values the mean is 0 (but for rounding), and sums of such scores are exact in integers.
    A bin without values has the score of the quantile at which it lies.

    Reference: B. L. van der Waerden, "Order tests for the two-sample problem and their power", 1952.

    >>> normal_scores([25, 50, 25])
    (-81, 0, 81)
    >>> normal_scores([1, 0]), normal_scores([])
    ((0, 263), ())
    """
    counts = list(counts)
    rows = sum(counts)
    if rows == 0:
        return (0,) * len(counts)
    ends = list(accumulate(counts))
    return tuple(
        round(SCALE * (_mean((end - count) / rows, end / rows) if count else _at(end / rows)))
        for count, end in zip(counts, ends, strict=True)
    )


def _mean(low: float, high: float) -> float:
    """Return the mean of the standard normal distribution between two quantiles, given as shares."""
    return (_density(low) - _density(high)) / (high - low)


def _density(share: float) -> float:
    return _NORMAL.pdf(_NORMAL.inv_cdf(share)) if 0 < share < 1 else 0.0


def _at(share: float) -> float:
    """Return the quantile at ``share``, within what one in 50,000 exceeds."""
    return _NORMAL.inv_cdf(min(max(share, 2e-5), 1 - 2e-5))
