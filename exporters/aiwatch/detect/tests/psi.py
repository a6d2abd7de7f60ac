"""The population stability index, without what chance adds to it."""

from __future__ import annotations

import numpy as np

from aiwatch.detect.cells import cells, effective
from aiwatch.detect.contracts import NOTHING, DriftTest, Outcome
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Sum (share - share) ln (share / share) over cells.

    Without a change the index of samples of n and m rows in B cells is distributed like (1/n + 1/m) times chi-squared
    with B - 1 degrees of freedom: the usual rule "0.1 is a change" finds one in most pairs of 100 rows. That gives
    the p-value, and its mean is taken off the effect. Half a row is added to each cell, so that none is empty.

    Reference: B. Yurdakul, "Statistical properties of the population stability index", 2018.

    >>> baseline = FeatureBaseline(Categorical(("a", "b")), Counts([500, 500]), (0, 0))
    >>> outcome = on_counts(baseline, Counts([280, 220]))
    >>> round(outcome.statistic, 4), round(outcome.p_value, 4), round(outcome.effect, 4)
    (0.0144, 0.0284, 0.0114)
    """
    from scipy.special import chdtrc

    table = cells(baseline, window)
    number = table.shape[1]
    if number < 2:
        return NOTHING
    rows = table.sum(axis=1, keepdims=True)
    before, now = (table + 0.5) / (rows + 0.5 * number)
    statistic = float(((now - before) * np.log(now / before)).sum())
    size = effective(*rows.ravel())
    by_chance = (number - 1) / size
    return Outcome(statistic, float(chdtrc(number - 1, statistic * size)), max(0.0, float(statistic - by_chance)))


TEST = DriftTest("psi", (Numeric, Categorical), 0.02, on_counts)
