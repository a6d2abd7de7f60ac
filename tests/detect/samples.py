"""Small baselines and windows for tests, drawn or counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric


def numeric(values: NDArray[np.float64], bins: int = 100) -> FeatureBaseline:
    """Return the baseline of some numbers, in quantile bins."""
    shape = Numeric(tuple(np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])).tolist()))
    counts = count(shape, values)
    return FeatureBaseline(shape, counts, normal_scores(counts.bins))


def count(shape: Numeric, values: NDArray[np.float64], missing: int = 0) -> Counts:
    """Return the counts of some numbers."""
    bins = np.bincount(np.searchsorted(shape.edges, values, side="left"), minlength=shape.bins)
    total, squares = float(values.sum()), float((values**2).sum())
    return Counts(bins.tolist(), missing, 0, {}, total, squares, float(values.min()), float(values.max()))


def categorical(*counts: int) -> FeatureBaseline:
    """Return the baseline of categories with these counts."""
    shape = Categorical(tuple(f"c{number}" for number in range(len(counts))))
    return FeatureBaseline(shape, Counts(list(counts)), normal_scores(counts))
