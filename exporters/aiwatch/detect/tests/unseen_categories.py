"""The share of values that the training period did not have."""

from __future__ import annotations

from aiwatch.detect.contracts import DriftTest, Outcome
from aiwatch.detect.shares import compare
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare how many values are none of the baseline's categories. The baseline has as many as other rows of its
    period would have had: it may not keep all categories, and had not met all.

    Reference: see `compare`.

    >>> baseline = FeatureBaseline(Categorical(("a",)), Counts([1000]), (0,))
    >>> on_counts(baseline, Counts([90], unseen={"b": 10})).statistic
    0.1
    """
    before, now = (sum(counts.unseen.values()) for counts in (baseline.counts, window))
    return compare(before, baseline.counts.seen + before, now, window.seen + now)


TEST = DriftTest("unseen_categories", (Categorical,), 0.005, on_counts)
