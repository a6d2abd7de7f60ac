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

    Given how many there are in all, those of now are a draw without putting back: a sum of as many independent trials
    as it can have different results (Vatutin, Mikhailov). A binomial distribution with the same number of trials and
    the same mean is spread more than that, and more than such a sum over several groups (Hoeffding).

    Reference: V. A. Vatutin, V. G. Mikhailov, "Limit theorems for the number of empty cells in an equiprobable scheme
    for group allocation of particles", 1982; W. Hoeffding, "On the distribution of the number of successes in
    independent trials", 1956.

    >>> of_shares([((1000, 10.0), (100, 9.0)), ((1000, 200.0), (100, 18.0))]) < 0.001
    True
    >>> of_shares([((1000, 10.0), (100, 2.0)), ((1000, 200.0), (100, 22.0))])
    1.0
    """
    told = [_draw(*group) for group in groups if group[0][0] and group[1][0]]
    whole = tuple(map(sum, zip(*told, strict=True)))
    tails = [_tail(*each) for each in (whole, *told) if each]
    return min(1.0, 2 * len(tails) * min(tails, default=1.0))


def _draw(then: tuple[int, float], now: tuple[int, float]) -> tuple[float, float, float]:
    """Return how many trials a draw without putting back is a sum of, its result and its mean, from the least on."""
    (were, was), (are, is_) = then, now
    least, most = math.floor(max(0.0, was + is_ - were)), math.ceil(min(are, was + is_))
    return most - least, is_ - least, are * (was + is_) / (were + are) - least


def _tail(trials: float, result: float, mean: float) -> float:
    """Return how probable a binomial result is, or one that is further away on the same side."""
    if not trials:
        return 1.0
    share = mean / trials
    return float(min(bdtr(result, trials, share), bdtrc(result - 1, trials, share) if result >= 1 else 1.0))


def share_error(part: float, rows: float, other: float, other_rows: float) -> float:
    """Return the standard error of the difference of two shares, never quite 0.

    >>> round(share_error(0.5, 100, 0.5, 100), 3), round(share_error(0.0, 100, 0.0, 100), 3)
    (0.071, 0.01)
    """
    pooled = (part * rows + other * other_rows + 1) / (rows + other_rows + 2)
    return math.sqrt(pooled * (1 - pooled) * (1 / max(rows, 1) + 1 / max(other_rows, 1)))
