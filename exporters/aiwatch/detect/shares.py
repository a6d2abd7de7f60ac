"""How likely two shares differ by chance: missing values, unseen ones."""

from __future__ import annotations

import math
from dataclasses import replace

from aiwatch.detect.cells import LEAST
from aiwatch.detect.contracts import NOTHING, Outcome


def compare(before: int, reference: int, now: int, rows: int) -> Outcome:
    """Compare ``now`` of ``rows`` with ``before`` of ``reference``; the statistic is the share now.

    The effect is the difference of shares, less one standard error, at least 0. Where few are expected the p-value is
    that of the binomial distribution of ``now`` given the sum of both, which is a little too large.

    Reference: J. Przyborowski, H. Wilenski, "Homogeneity of results in testing samples from Poisson series", 1940.

    >>> compare(0, 1000, 5, 1000)
    Outcome(statistic=0.005, p_value=0.0625, effect=0.0027...)
    >>> round(compare(100, 1000, 150, 1000).p_value, 5)
    0.00072
    """
    from scipy.special import bdtr, bdtrc, ndtr

    if not rows or not reference:
        return NOTHING
    share, total, part = now / rows, before + now, rows / (rows + reference)
    pooled = total / (rows + reference)
    error = math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / reference))
    difference = share - before / reference
    if min(total, rows + reference - total) * min(part, 1 - part) >= LEAST:
        p_value = 2 * float(ndtr(-abs(difference) / error))
    elif pooled > 0.5:
        return replace(compare(reference - before, reference, rows - now, rows), statistic=share)
    else:
        above = float(bdtrc(now - 1, total, part)) if now else 1.0
        p_value = min(1.0, 2 * min(float(bdtr(now, total, part)), above))
    return Outcome(share, p_value, max(0.0, abs(difference) - error))
