"""The greatest distance of two distribution functions."""

from __future__ import annotations

import math

import numpy as np

from aiwatch.detect.cells import effective
from aiwatch.detect.contracts import NOTHING, DriftTest, Floats, Outcome
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric

BY_CHANCE = math.pi**2 / 12  # mean of the squared limit of Kolmogorov's statistic
MATERIAL = 0.04  # a shift of a tenth of a standard deviation, in a normal distribution


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare in bins: the distance is seen at their edges only, so it is at most that of the values.

    The p-value is Kolmogorov's limit for two samples, a little too large for bins and for few rows.

    Reference: N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", 1948.

    >>> baseline = FeatureBaseline(Numeric((1.0, 2.0)), Counts([500, 300, 200]), (0, 0, 0))
    >>> on_counts(baseline, Counts([30, 40, 30])).statistic
    0.2
    """
    from scipy.special import kolmogorov

    rows, reference = window.seen, baseline.counts.seen
    if not rows or not reference:
        return NOTHING
    difference = np.cumsum(baseline.counts.bins) / reference - np.cumsum(window.bins) / rows
    distance = round(float(np.abs(difference).max()), 12)
    size = effective(rows, reference)
    return Outcome(distance, float(kolmogorov(math.sqrt(size) * distance)), _effect(distance, size))


def on_values(reference: Floats, current: Floats) -> Outcome:
    """Compare the values themselves, exactly for samples of up to 10,000.

    >>> on_values(np.arange(10.0), np.arange(5.0, 15.0)).statistic
    0.5
    """
    from scipy.stats import ks_2samp

    if not reference.size or not current.size:
        return NOTHING
    found = ks_2samp(reference, current)
    size = effective(reference.size, current.size)
    return Outcome(float(found.statistic), float(found.pvalue), _effect(float(found.statistic), size))


def _effect(distance: float, size: float) -> float:
    return math.sqrt(max(0.0, distance**2 - BY_CHANCE / size))


TEST = DriftTest("kolmogorov_smirnov", (Numeric,), MATERIAL, on_counts, on_values)
