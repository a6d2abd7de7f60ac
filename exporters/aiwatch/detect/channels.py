"""What is watched over time: a few hundred averages per process, each a sum over the counts of one feature.

Of a number these are the means of its normal score (location) and of the score's clipped square (scale), and the
shares of ten ranges; of a category the shares of its most frequent values, and of groups of the others; of every
feature the shares of missing and of unseen values. Any change of a distribution moves some of them, and all are
averages over rows, of which the variance is known: the evidence of all of them is computed in one go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiwatch.detect.aspects import Criteria, aspects
from aiwatch.detect.contracts import DriftTest, Floats
from aiwatch.detect.tests import SHARES, missing_share, unseen_categories
from aiwatch.profiles.baseline import Baseline, FeatureBaseline
from aiwatch.profiles.normal_scores import SCALE
from aiwatch.profiles.profile import Counts, Numeric, Profile

RANGES = 10  # of a number
FREQUENT = 12  # categories that are watched alone
GROUPS = 8  # of the other ones
CLIP = 2.5  # standard deviations, beyond which a score counts no more for the scale

_LOCATION = (0.025, (0.03, 0.1, 0.4))  # immaterial change, and by how much more one is betted on
_SCALE = (0.08, (0.1, 0.25, 0.7))
_SHARE = (0.01, (0.01, 0.03, 0.1))
BETS = 3


@dataclass(frozen=True)
class Family:
    """The channels of one test of one feature: those from ``first`` to before ``last``."""

    feature: str
    test: DriftTest
    first: int
    last: int


@dataclass(frozen=True)
class _Part:
    """Channels of one feature: value of each bin in each of them (shape bins x channels), and how they are judged.

    The last ``shares`` of them say which bins belong together.
    """

    values: Floats
    shares: int
    immaterial: Floats
    gains: Floats
    weights: Floats


class Channels:
    """The channels of a process, which its baseline determines; arrays have one element for each of them.

    Attributes:
        families: which belong together, in the order of the arrays.
        center: mean in the baseline.
        variance: of a single row.
        error: standard error of ``center``.
        share: whether it is a share, whose variance depends on its mean.
        reach: how far a single row may lie above and below the center, shape (2, channels).
        immaterial: from the center, a change up to here does not matter.
        gains: changes beyond ``immaterial`` that are betted on, shape (BETS, channels).
        weights: of the channels in their family, of sum 1 each.
    """

    def __init__(self, baseline: Baseline, criteria: Criteria) -> None:
        """Prepare for ``baseline``. The criteria change what is immaterial, not what the channels are."""
        self._features = baseline.features
        self._parts: dict[str, _Part] = {}
        self.families: list[Family] = []
        center, variance, reach, rows, doubt = [], [], [], [], []
        share, immaterial, gains, weights = [], [], [], []
        first = 0
        for name, test in aspects(baseline, criteria, criteria.min_rows):
            feature = baseline.features[name]
            ratio = criteria.material(test) / test.material
            if test in SHARES:
                part = _rare(feature, test, ratio)
            else:
                part = self._parts[name] = _values(feature, ratio)
            mean, spread, number = _moments(feature, test, part)
            is_share = ((part.values == 0) | (part.values == 1)).all(axis=0)
            last = first + len(mean)
            self.families.append(Family(name, test, first, last))
            center.append(mean)
            variance.append(spread)
            rows.append(np.full(len(mean), number))
            doubt.append(np.full(len(mean), feature.unseen_error if test is unseen_categories.TEST else 0.0))
            high, low = part.values.max(axis=0, initial=0), part.values.min(axis=0, initial=0)
            reach.append(np.array([high - mean, mean - low]))
            share.append(is_share)
            immaterial.append(part.immaterial)
            gains.append(part.gains)
            weights.append(part.weights / part.weights.sum())
            first = last
        self.center, self.variance = np.concatenate(center), np.concatenate(variance)
        counted = np.maximum(np.concatenate(rows), 1.0)
        self.error = np.maximum(np.sqrt(np.maximum(self.variance, 1 / counted) / counted), np.concatenate(doubt))
        self.share: NDArray[np.bool_] = np.concatenate(share)
        self.reach = np.concatenate(reach, axis=1)
        self.immaterial, self.weights = np.concatenate(immaterial), np.concatenate(weights)
        self.gains = np.concatenate(gains, axis=1)

    def by_bin(self, family: Family, ratios: Floats) -> Floats:
        """Return for each bin of a family of values the one of ``ratios`` (by channel) of the share that it is in."""
        part = self._parts[family.feature]
        return part.values[:, -part.shares :] @ ratios[family.last - part.shares : family.last]

    def read(self, profile: Profile) -> tuple[Floats, Floats]:
        """Return the mean of every channel in a window, and over how many rows; 0 and 0 without any."""
        means, rows = np.zeros(len(self.center)), np.zeros(len(self.center))
        for family in self.families:
            counts = profile.features[family.feature]
            place = slice(family.first, family.last)
            totals, number = _totals(counts, family.test, self._parts.get(family.feature))
            rows[place] = number
            if number:
                means[place] = totals / number
        return means, rows


def _totals(counts: Counts, test: DriftTest, part: _Part | None) -> tuple[Floats, int]:
    """Return the sums of a family's channels, and of how many rows."""
    unseen = sum(counts.unseen.values())
    if test is missing_share.TEST:
        return np.array([counts.missing + counts.invalid], dtype=np.float64), counts.rows
    if test is unseen_categories.TEST:
        return np.array([unseen], dtype=np.float64), counts.seen + unseen
    assert part is not None
    return np.asarray(counts.bins, dtype=np.float64) @ part.values, counts.seen + unseen


def _moments(feature: FeatureBaseline, test: DriftTest, part: _Part) -> tuple[Floats, Floats, int]:
    """Return mean and variance of a row in the baseline, and how many rows it has."""
    totals, rows = _totals(feature.counts, test, part)
    mean = totals / max(rows, 1)
    if test in SHARES:
        return mean, mean * (1 - mean), rows
    squares = np.asarray(feature.counts.bins, dtype=np.float64) @ part.values**2 / max(rows, 1)
    return mean, np.maximum(squares - mean**2, 0.0), rows


def _rare(feature: FeatureBaseline, test: DriftTest, ratio: float) -> _Part:
    material = test.material * ratio
    gains = np.array([[0.5], [2.0], [10.0]]) * material
    return _Part(np.array([[0.0], [1.0]]), 1, np.array([material / 5]), gains, np.ones(1))


def _values(feature: FeatureBaseline, ratio: float) -> _Part:
    """Return the channels of a feature's values."""
    group = _ranges(feature) if isinstance(feature.shape, Numeric) else _groups(feature.counts.bins)
    shares = (group[:, None] == np.arange(group.max(initial=-1) + 1)).astype(np.float64)
    kinds, weights = [_SHARE] * shares.shape[1], [1.0 / max(1, shares.shape[1])] * shares.shape[1]
    columns = [shares]
    if isinstance(feature.shape, Numeric):
        scores = np.asarray(feature.scores, dtype=np.float64)[:, None] / SCALE
        columns = [scores, np.minimum(scores**2, CLIP**2), shares]
        kinds, weights = [_LOCATION, _SCALE, *kinds], [0.8, 0.3, *weights]
    immaterial = np.array([kind[0] for kind in kinds]) * ratio
    gains = np.array([kind[1] for kind in kinds]).T
    return _Part(np.hstack(columns), shares.shape[1], immaterial, gains, np.array(weights))


def _ranges(feature: FeatureBaseline) -> NDArray[np.int64]:
    """Return for each bin of a number which of the ranges it is in; bins above all values are a range of their own."""
    bins = np.asarray(feature.counts.bins, dtype=np.float64)
    middle = (bins.cumsum() - bins / 2) / max(bins.sum(), 1)
    groups = np.minimum((middle * RANGES).astype(np.int64), RANGES)
    groups[bins.cumsum() - bins >= bins.sum()] = RANGES
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _groups(counts: list[int]) -> NDArray[np.int64]:
    """Return for each category whether it is watched alone or with which others.

    >>> _groups([5, 9, 1]).tolist()
    [1, 0, 2]
    """
    place = np.empty(len(counts), dtype=np.int64)
    place[np.argsort(-np.asarray(counts), kind="stable")] = np.arange(len(counts))
    return np.where(place < FREQUENT, place, FREQUENT + (place - FREQUENT) % GROUPS)
