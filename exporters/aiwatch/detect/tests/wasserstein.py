"""How far values must be moved to make one distribution of the other, in standard deviations of the baseline."""

from __future__ import annotations

import math

import numpy as np

from aiwatch.detect.cells import effective
from aiwatch.detect.contracts import NOTHING, DriftTest, Floats, Outcome
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric

POINTS = 200  # at which the distribution of values is looked at, for the p-value


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare in bins, with values spread evenly in theirs. What lies below and above all edges adds what is left of
    the difference of the means, which is exact.

    Reference: L. N. Vaserstein, 1969; A. Ramdas, N. Garcia Trillos, M. Cuturi, "On Wasserstein two-sample testing and
    related families of nonparametric tests", 2017. The p-value: see `_p_value`.

    >>> counts = Counts([250, 250, 250, 250], total=0.0, squares=1250.0, low=-2.0, high=2.0)
    >>> baseline = FeatureBaseline(Numeric((-1.0, 0.0, 1.0)), counts, (0, 0, 0, 0))
    >>> window = Counts([0, 100, 100, 100], total=150.0, squares=225.0, low=-1.0, high=2.0)
    >>> round(on_counts(baseline, window).statistic, 3)
    0.447
    """
    before = baseline.counts
    rows, reference = window.seen, before.seen
    if not rows or not reference or not isinstance(baseline.shape, Numeric):
        return NOTHING
    lows = [value for value in (before.low, window.low) if value is not None]
    highs = [value for value in (before.high, window.high) if value is not None]
    grid = np.array([min(lows, default=0.0), *baseline.shape.edges, max(highs, default=0.0)])
    grid = np.maximum.accumulate(np.minimum(grid, grid[-1]))
    old, new = (np.concatenate([[0.0], np.cumsum(bins)]) / sum(bins) for bins in (before.bins, window.bins))
    mean = before.total / reference
    spread = _spread(mean, math.sqrt(max(0.0, before.squares / reference - mean**2)))
    inner = (old - new)[1:-1], grid[1:-1]
    beyond = window.total / rows - mean - _integral(*inner)
    moved = (_integral(np.abs(inner[0]), inner[1]) + abs(beyond)) / spread
    pooled = (reference * old + rows * new) / (reference + rows)
    return _outcome(moved, grid / spread, pooled, effective(rows, reference))


def on_values(reference: Floats, current: Floats) -> Outcome:
    """Compare the values themselves.

    >>> on_values(np.array([0.0, 2.0] * 50), np.array([1.0, 3.0] * 50)).statistic
    1.0
    """
    from scipy.special import ndtr
    from scipy.stats import wasserstein_distance

    if not reference.size or not current.size:
        return NOTHING
    spread = _spread(float(reference.mean()), float(reference.std()))
    shares = np.concatenate([[0.0], ndtr(np.linspace(-4, 4, POINTS)), [1.0]])  # denser in the tails
    grid = np.quantile(np.concatenate([reference, current]), shares) / spread
    moved = float(wasserstein_distance(reference, current)) / spread
    return _outcome(moved, grid, shares, effective(reference.size, current.size))


def _spread(mean: float, deviation: float) -> float:
    """Return the unit of the distance: the standard deviation, or what replaces it for a constant."""
    return deviation if deviation > 1e-9 * abs(mean) and deviation > 0 else abs(mean) or 1.0


def _integral(heights: Floats, grid: Floats) -> float:
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(grid)).sum())


def _outcome(moved: float, grid: Floats, cdf: Floats, size: float) -> Outcome:
    """Return the outcome of a distance, given the distribution without a change.

    Without a change, the distance times the root of the size is the integral of the absolute Brownian bridge. Its
    mean and variance have a closed form (absolute moments of two correlated normals); a gamma distribution with these
    two gives the p-value. Reference: E. del Barrio, E. Giné, C. Matrán, "Central limit theorems for the Wasserstein
    distance between the empirical and the true distributions", 1999.
    """
    from scipy.special import gammaincc

    middle = (cdf[1:] + cdf[:-1]) / 2
    width = np.diff(grid)
    used = (width > 0) & (middle > 0) & (middle < 1)
    middle, width = middle[used], width[used]
    if not middle.size:  # a constant: any distance at all is a change
        return Outcome(moved, 0.0 if moved > 0 else 1.0, moved)
    deviation = np.sqrt(middle * (1 - middle))
    product = np.outer(deviation, deviation)
    below = np.minimum.outer(middle, middle)
    correlation = np.clip((below - np.outer(middle, middle)) / product, -1, 1)
    absolute = np.sqrt(1 - correlation**2) + correlation * np.arcsin(correlation) - 1
    mean = math.sqrt(2 / math.pi) * float((deviation * width).sum())
    variance = 2 / math.pi * float(width @ (product * absolute) @ width)
    p_value = float(gammaincc(mean**2 / variance, moved * math.sqrt(size) * mean / variance))
    by_chance = (mean**2 + variance) / size
    return Outcome(moved, p_value, math.sqrt(max(0.0, moved**2 - by_chance)))


TEST = DriftTest("wasserstein", (Numeric,), 0.1, on_counts, on_values)
