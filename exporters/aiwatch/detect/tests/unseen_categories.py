"""The share of values that the training period did not have."""

from __future__ import annotations

import math

from aiwatch.detect.contracts import DriftTest, Outcome
from aiwatch.detect.shares import compare
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare how many values are none of the baseline's categories. The baseline has as many as other rows of its
    period would have had: it may not keep all categories, and had not met all. That number is an estimate, which may be
    farther off than if it were counted.

    Reference: see `compare`, `unseen_share`.

    >>> baseline = FeatureBaseline(Categorical(("a",)), Counts([1000]), (0,))
    >>> on_counts(baseline, Counts([90], unseen={"b": 10})).statistic
    0.1
    """
    from scipy.special import ndtr

    before, now = (sum(counts.unseen.values()) for counts in (baseline.counts, window))
    reference, rows = baseline.counts.seen + before, window.seen + now
    found = compare(before, reference, now, rows)
    if not baseline.unseen_error or not rows:
        return found
    share = now / rows
    error = math.hypot(baseline.unseen_error, math.sqrt(share * (1 - share) / rows))
    difference = abs(share - before / reference)
    p_value = max(found.p_value, 2 * float(ndtr(-difference / error)))
    return Outcome(share, p_value, min(found.effect, max(0.0, difference - error)))


TEST = DriftTest("unseen_categories", (Categorical,), 0.005, on_counts)
