"""What features are like at a time: those that have a season are moved from their baseline to the hours of a window.

The effect of a change is measured from there. Measured from the baseline, a season would hide a change that it happens
to make up for, and at other hours make a material one of a change that is not.
"""

from __future__ import annotations

from itertools import groupby

import msgspec
import numpy as np

from aiwatch import names
from aiwatch.detect.channels import Channels
from aiwatch.detect.contracts import Floats
from aiwatch.detect.tests import missing_share, unseen_categories
from aiwatch.profiles.baseline import Baseline, FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric


def expected(baseline: Baseline, channels: Channels, offset: Floats, doubt: Floats) -> dict[str, FeatureBaseline]:
    """Return the features of ``baseline``, with their means off by ``offset`` where this is not 0.

    Args:
        baseline: the training period.
        channels: of this baseline.
        offset: from the center, by channel.
        doubt: standard error of ``offset``. The less is known, the fewer rows a moved feature pretends to have.
    """
    features = dict(baseline.features)
    means = np.clip(channels.center + offset, 0.0, 1.0)  # of shares
    ratios = np.divide(means, channels.center, out=np.ones_like(means), where=channels.center > 0)
    known = channels.error**2 / (channels.error**2 + doubt**2)
    for name, group in groupby(channels.families, lambda family: family.feature):
        families = list(group)
        place = slice(families[0].first, families[-1].last)
        if not offset[place].any():
            continue
        bins, missing, unseen = np.ones(1), 0.0, 0.0
        for family in families:
            if family.test is missing_share.TEST:
                missing = float(means[family.first])
            elif family.test is unseen_categories.TEST:
                unseen = float(means[family.first])
            else:
                bins = channels.by_bin(family, ratios)
        rows = round(features[name].counts.rows * float(known[place].min()))
        features[name] = moved(features[name], bins, missing, unseen, rows)
    return features


def moved(feature: FeatureBaseline, bins: Floats, missing: float, unseen: float, rows: int) -> FeatureBaseline:
    """Return a feature in so many rows, with other shares.

    Args:
        feature: in the training period.
        bins: by what the share of each bin multiplies, shape (bins,).
        missing: the share of missing and invalid values.
        unseen: the share of unseen values among the others.
        rows: how many there shall be.

    >>> from aiwatch.profiles.profile import Categorical
    >>> feature = FeatureBaseline(Categorical(("a", "b")), Counts([50, 50]), (0, 0))
    >>> counts = moved(feature, np.array([1.5, 0.5]), 0.2, 0.0, 50).counts
    >>> counts.bins, counts.missing
    ([30, 10], 10)
    """
    before = feature.counts
    sums = np.cumsum(np.asarray(before.bins, dtype=np.float64) * bins)
    absent = round(rows * missing)
    new = round((rows - absent) * unseen)
    if sums[-1] <= 0 or rows <= absent + new:
        return feature
    ends = np.rint(sums / sums[-1] * (rows - absent - new)).astype(np.int64)  # so that rounding does not add up
    counts = Counts(np.diff(ends, prepend=0).tolist(), absent, 0, {names.OTHER: new} if new else {})
    counts.low, counts.high = before.low, before.high
    if isinstance(feature.shape, Numeric):
        _move_sums(before, counts, np.asarray(feature.shape.edges))
    return msgspec.structs.replace(feature, counts=counts)


def _move_sums(before: Counts, counts: Counts, edges: Floats) -> None:
    """Give ``counts`` the mean that goes with its bins, and the standard deviation that there was before."""
    mean = before.total / before.seen
    variance = max(0.0, before.squares / before.seen - mean**2)
    old, new = (np.cumsum(each.bins)[:-1] / each.seen for each in (before, counts))
    if len(edges) > 1:
        mean += float(np.trapezoid(old - new, edges))
    counts.total, counts.squares = counts.seen * mean, counts.seen * (variance + mean**2)
