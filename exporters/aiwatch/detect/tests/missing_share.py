"""The share of rows without a valid value."""

from __future__ import annotations

from aiwatch.detect.contracts import DriftTest, Outcome
from aiwatch.detect.shares import compare
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric


def on_counts(baseline: FeatureBaseline, window: Counts) -> Outcome:
    """Compare how many values are missing or of the wrong type.

    Reference: see `compare`.

    >>> baseline = FeatureBaseline(Numeric(()), Counts([990], missing=10), (0,))
    >>> on_counts(baseline, Counts([970], missing=20, invalid=10)).statistic
    0.03
    """
    return compare(_without(baseline.counts), baseline.counts.rows, _without(window), window.rows)


def _without(counts: Counts) -> int:
    return counts.missing + counts.invalid


TEST = DriftTest("missing_share", (Numeric, Categorical), 0.01, on_counts)
