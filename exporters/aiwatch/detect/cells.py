"""Two rows of counts, baseline and window, in cells that are large enough for chi-squared to hold."""

from __future__ import annotations

import numpy as np

from aiwatch.detect.contracts import Floats
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric

MOST = 20  # cells of a number: more only dilute what a test finds
LEAST = 5.0  # expected count of the smaller sample in a cell (Cochran, 1954)


def effective(first: float, second: float) -> float:
    """Return the size of one sample that compares with an exact distribution as two samples compare.

    >>> effective(100, 100)
    50.0
    """
    return float(first * second / (first + second)) if first and second else 0.0


def cells(baseline: FeatureBaseline, window: Counts) -> Floats:
    """Return both samples' counts, shape (2, k): neighbouring bins of a number and rare categories are merged.

    What is merged depends on the sums over both samples alone, so that it favours no outcome. Unseen values are one
    more category.

    >>> from aiwatch.profiles.profile import Categorical
    >>> a = FeatureBaseline(Categorical(("x", "y", "z")), Counts([50, 40, 10]), (0, 0, 0))
    >>> cells(a, Counts([25, 15, 7], unseen={"new": 3})).tolist()
    [[50.0, 40.0, 10.0], [25.0, 15.0, 10.0]]
    """
    both = np.array([baseline.counts.bins, window.bins], dtype=np.float64)
    if not isinstance(baseline.shape, Numeric):
        unseen = [[sum(baseline.counts.unseen.values())], [sum(window.unseen.values())]]
        both = np.hstack([both, np.array(unseen, dtype=np.float64)])
    both = both[:, both.any(axis=0)]
    rows = both.sum(axis=1)
    if not rows.all():
        return both[:, :0]
    return _neighbours(both, rows.min()) if isinstance(baseline.shape, Numeric) else _rare(both, rows.min())


def _neighbours(both: Floats, smaller: float) -> Floats:
    """Merge neighbours into cells of about the same size."""
    pooled = both.sum(axis=0)
    number = int(np.clip(smaller / LEAST, 1, MOST))
    middle = (pooled.cumsum() - pooled / 2) / pooled.sum()
    group = np.minimum((middle * number).astype(int), number - 1)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return np.asarray(np.add.reduceat(both, starts, axis=1))


def _rare(both: Floats, smaller: float) -> Floats:
    """Merge the categories of which too few are expected, with the least of the others if they are hardly any.

    Fewer than `LEAST` may be expected in the last cell, then: with the others it would hide that it took their place.
    """
    pooled = both.sum(axis=0)
    both = both[:, np.argsort(-pooled, kind="stable")]
    expected = np.sort(pooled)[::-1] * smaller / pooled.sum()
    kept = int((expected >= LEAST).sum())
    if kept == expected.size:
        return both
    if np.sort(pooled)[::-1][kept:].sum() < LEAST:
        kept -= 1
    kept = max(kept, min(1, expected.size - 1))
    return np.hstack([both[:, :kept], both[:, kept:].sum(axis=1, keepdims=True)])
