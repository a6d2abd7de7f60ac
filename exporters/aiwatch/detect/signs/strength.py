"""How surely something is there, from its size, its chance error and the size that matters."""

from __future__ import annotations

import math
from statistics import NormalDist

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


def share_error(part: float, rows: float, other: float, other_rows: float) -> float:
    """Return the standard error of the difference of two shares, never quite 0.

    >>> round(share_error(0.5, 100, 0.5, 100), 3), round(share_error(0.0, 100, 0.0, 100), 3)
    (0.071, 0.01)
    """
    pooled = (part * rows + other * other_rows + 1) / (rows + other_rows + 2)
    return math.sqrt(pooled * (1 - pooled) * (1 / max(rows, 1) + 1 / max(other_rows, 1)))
