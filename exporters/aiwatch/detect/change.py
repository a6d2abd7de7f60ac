"""When a change began, and whether at once or little by little."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from aiwatch.detect.contracts import Floats

KEPT = 72  # windows whose effects are looked at
BEFORE = 24  # of them before the change
FEWEST = 6  # windows since the change, below which nothing speaks against a jump


def point(starts: Sequence[datetime], effects: Floats, began: int) -> tuple[datetime, bool]:
    """Return when a change began, and whether it was a jump (True) or a slope (False).

    A jump to a constant and a straight line from the same window on are fitted to the effects by least squares; the
    one that leaves less is taken. With few windows since the change it is a jump.

    Args:
        starts: of windows.
        effects: found in them.
        began: place of the window in which the run of evidence began; the beginning is looked for around it.

    Reference: D. V. Hinkley, "Inference about the change-point in a sequence of random variables", 1970.

    >>> hours = [datetime(2026, 3, 1, hour) for hour in range(20)]
    >>> point(hours, np.array([0.01, 0.0] * 5 + [0.2, 0.21] * 5), 10)
    (datetime.datetime(2026, 3, 1, 10, 0), True)
    >>> point(hours, np.maximum(0.0, (np.arange(20) - 6) * 0.02), 9)
    (datetime.datetime(2026, 3, 1, 7, 0), False)
    """
    began = min(max(began, 0), len(effects) - 1)
    first = max(0, began - BEFORE)
    values = np.asarray(effects[first : first + KEPT], dtype=np.float64)
    number = len(values)
    jump, slope = (_best(values, steep) for steep in (False, True))
    if number - (began - first) < FEWEST or jump[0] <= slope[0]:
        at = jump[1] if number > 2 else began - first
        return starts[first + at], True
    return starts[first + slope[1]], False


def _best(values: Floats, steep: bool) -> tuple[float, int]:
    """Return the least sum of squares that a jump or a slope leaves, and where it begins."""
    number = len(values)
    best = (float("inf"), number - 1)
    for at in range(number):
        after = np.arange(number) - at
        shape = np.maximum(after + 1.0, 0.0) if steep else (after >= 0).astype(np.float64)
        design = np.column_stack([np.ones(number), shape]) if at else shape[:, None]
        found = np.linalg.lstsq(design, values, rcond=None)[0]
        left = float(((values - design @ found) ** 2).sum())
        if left < best[0] - 1e-12:
            best = (left, at)
    return best
