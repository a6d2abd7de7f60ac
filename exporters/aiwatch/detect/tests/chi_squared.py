"""Pearson's chi-squared on the contingency table of baseline and window."""

from __future__ import annotations

import math

import numpy as np

from aiwatch.detect.cells import LEAST, cells, effective
from aiwatch.detect.contracts import NOTHING, DriftTest, Outcome
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare the shares of all cells at once. Two cells with few expected rows are tested exactly (Fisher).

    Both rows of the table are samples: to take the baseline for exact makes false alarms of half the windows when the
    baseline is no larger than they are. The effect is the root of the sum over cells of (share - share)² / share,
    what chance adds taken off: about the shift in standard deviations, for a number.

    Reference: K. Pearson, 1900; W. G. Cochran, "Some methods for strengthening the common chi-squared tests", 1954.

    >>> baseline = FeatureBaseline(Categorical(("a", "b")), Counts([500, 500]), (0, 0))
    >>> outcome = on_counts(baseline, Counts([280, 220]))
    >>> round(outcome.statistic, 2), round(outcome.p_value, 4), round(outcome.effect, 3)
    (4.81, 0.0283, 0.107)
    """
    from scipy.special import chdtrc

    table = cells(baseline, window)
    if table.shape[1] < 2:
        return NOTHING
    rows = table.sum(axis=1, keepdims=True)
    expected = rows * table.sum(axis=0) / table.sum()
    freedom = table.shape[1] - 1
    least = LEAST if freedom > 1 else 0.0  # a cell in which fewer are expected counts for less than it would
    statistic = float(((table - expected) ** 2 / np.maximum(expected, least)).sum())
    size = effective(*rows.ravel())
    if freedom > 1 or expected.min() >= LEAST:
        p_value = float(chdtrc(freedom, statistic))
    else:
        from scipy.stats import fisher_exact

        p_value = float(fisher_exact(table.astype(int)).pvalue)
    return Outcome(statistic, p_value, math.sqrt(max(0.0, statistic - freedom) / size))


TEST = DriftTest("chi_squared", (Categorical, Numeric), 0.12, on_counts)
