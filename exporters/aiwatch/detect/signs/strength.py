"""How surely something is there, from its size, its chance error and the size that matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from scipy.special import bdtr, bdtrc

Group = tuple[tuple[int, float], tuple[int, float]]
"""Rows, and of how many of them something is true (or the sum of something), then and now."""
_NORMAL = NormalDist()
_CHANCE = 0.001  # of half a sign in any of the places that were looked at, where nothing is


def strength(size: float, material: float, error: float, places: int = 1) -> float:
    """Return how surely a size exceeds what is material, 0 to 1.

    One half is where the lower confidence bound of the size touches what is material; the bound allows for ``places``
    having been looked at (Bonferroni). Chance alone therefore hardly ever makes a sign, however few rows there are.

    Args:
        size: as observed, in any unit.
        material: the size from which on it matters, in the same unit.
        error: standard error of ``size``.
        places: among how many places this one was found.

    >>> [round(strength(size, 0.01, 0.01), 2) for size in (0.0, 0.041, 0.08)]
    [0.0, 0.5, 1.0]
    """
    limit = _NORMAL.inv_cdf(1 - _CHANCE / places)
    return _NORMAL.cdf((size - material) / max(error, 1e-12) - limit)


def material(size: float, least: float, error: float) -> float:
    """Return how likely a size is material, of which it is sure that it is not 0: one half where it is the least.

    >>> [round(material(size, 0.01, 0.01), 2) for size in (0.0, 0.01, 0.03)]
    [0.16, 0.5, 0.98]
    """
    return _NORMAL.cdf((size - least) / max(error, 1e-12))


def surely(p_value: float, chance: float) -> float:
    """Return how surely something is there that comes with ``p_value`` where nothing is, 0 to 1.

    One half is where the p-value is ``chance``.

    >>> [round(surely(p, 1e-5), 2) for p in (0.01, 1e-5, 1e-9, 0.0)]
    [0.03, 0.5, 0.96, 1.0]
    """
    found, limit = (_NORMAL.inv_cdf(1 - max(p, 1e-15)) for p in (min(p_value, 1 - 1e-15), chance))
    return _NORMAL.cdf(found - limit)


def of_shares(groups: Sequence[Group]) -> float:
    """Return how probable it is that shares differ as much, in any group or in all together.

    Given how many there are in all, those of now are a draw without putting back. The binomial distribution is spread
    more than that, and more than a sum of binomials of several shares with the same mean.

    Reference: W. Hoeffding, "On the distribution of the number of successes in independent trials", 1956.

    >>> of_shares([((1000, 10.0), (100, 9.0)), ((1000, 200.0), (100, 18.0))]) < 0.001
    True
    >>> of_shares([((1000, 10.0), (100, 2.0)), ((1000, 200.0), (100, 22.0))])
    1.0
    """
    told = [(are, is_, (was + is_) / (were + are)) for (were, was), (are, is_) in groups if were and are]
    rows = sum(are for are, _, _ in told)
    if not rows:
        return 1.0
    whole = (rows, sum(is_ for _, is_, _ in told), sum(are * pooled for are, _, pooled in told) / rows)
    tails = [min(bdtr(is_, are, p), bdtrc(is_ - 1, are, p) if is_ >= 1 else 1.0) for are, is_, p in (whole, *told)]
    return min(1.0, 2 * len(tails) * float(min(tails)))


def share_error(part: float, rows: float, other: float, other_rows: float) -> float:
    """Return the standard error of the difference of two shares, never quite 0.

    >>> round(share_error(0.5, 100, 0.5, 100), 3), round(share_error(0.0, 100, 0.0, 100), 3)
    (0.071, 0.01)
    """
    pooled = (part * rows + other * other_rows + 1) / (rows + other_rows + 2)
    return math.sqrt(pooled * (1 - pooled) * (1 / max(rows, 1) + 1 / max(other_rows, 1)))
