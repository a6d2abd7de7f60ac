"""The Jensen-Shannon distance: 0 for the same distribution, 1 for two without a common value."""

from __future__ import annotations

import math

from aiwatch.detect.cells import cells, effective
from aiwatch.detect.contracts import NOTHING, DriftTest, Floats, Outcome
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Take the root of the divergence, in bits, of both distributions from their middle.

    Without a change, 8 n m / (n + m) times the divergence in nats is distributed like chi-squared: that gives the
    p-value, and the mean of it is taken off the effect. For both, half a row is added to each cell: an empty one
    would weigh too much among few rows.

    Reference: J. Lin, "Divergence measures based on the Shannon entropy", 1991; D. Endres, J. Schindelin, 2003.

    >>> baseline = FeatureBaseline(Categorical(("a", "b")), Counts([500, 500]), (0, 0))
    >>> outcome = on_counts(baseline, Counts([280, 220]))
    >>> round(outcome.statistic, 4), round(outcome.p_value, 4), round(outcome.effect, 4)
    (0.0511, 0.0284, 0.0453)
    """
    from scipy.special import chdtrc

    table = cells(baseline, window)
    freedom = table.shape[1] - 1
    if freedom < 1:
        return NOTHING
    rows = table.sum(axis=1, keepdims=True)
    divergence = _divergence(table / rows)
    filled = _divergence((table + 0.5) / (rows + 0.5 * (freedom + 1)))
    size = effective(*rows.ravel())
    unbiased = max(0.0, filled - freedom / (8 * size))
    p_value = float(chdtrc(freedom, 8 * size * filled))
    return Outcome(math.sqrt(divergence / math.log(2)), p_value, math.sqrt(unbiased / math.log(2)))


def _divergence(shares: Floats) -> float:
    from scipy.special import rel_entr

    return max(0.0, float(rel_entr(shares, shares.mean(axis=0)).sum()) / 2)


TEST = DriftTest("jensen_shannon", (Categorical, Numeric), 0.05, on_counts)
