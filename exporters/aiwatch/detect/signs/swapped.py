"""Two inputs that have each other's values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from aiwatch.detect.cells import cells
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.smooth import distribution
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric

_FEWEST = 50  # rows
_LEAST = 0.1  # total variation from what a feature was: below, nobody can tell a swap
_HALF_NORMAL = 0.4  # half of what a standard normal differs from 0 by on average
_CLOSE = 0.25  # of that distance may remain between a feature and the other's past


def swapped(situation: Situation) -> Iterator[Sign]:
    """Yield pairs of inputs each of which looks like the other did in the training period, and not like itself."""
    yield Sign("swapped", 0.0)
    features = situation.baseline.features
    moved = [name for name in situation.suspects if _moved(features[name], situation.now.features[name])]
    for one, other in combinations(moved, 2):
        there = _likeness(features[one], features[other], situation.now.features[one])
        back = _likeness(features[other], features[one], situation.now.features[other])
        yield Sign("swapped", min(there, back), f"{one} and {other} have each other's values", (one, other))


def _moved(feature: FeatureBaseline, counts: Counts) -> bool:
    """Tell whether a feature is another one than it was, by more than chance makes of so few rows."""
    both = cells(feature, counts)
    rows = both.sum(axis=1, keepdims=True)
    if both.size == 0 or rows[1] < _FEWEST:
        return False
    pooled = both.sum(axis=0) / rows.sum()
    by_chance = _HALF_NORMAL * np.sqrt(pooled * (1 / rows).sum()).sum()
    return bool(np.abs(np.diff(both / rows, axis=0)).sum() / 2 - by_chance > _LEAST)


def _likeness(feature: FeatureBaseline, source: FeatureBaseline, counts: Counts) -> float:
    """Return how much a feature looks like another one did, 0 to 1."""
    shape, origin = feature.shape, source.shape
    if isinstance(shape, Categorical) and isinstance(origin, Categorical):
        expected = dict(zip(origin.values, source.counts.bins, strict=True))
        rows = max(sum(expected.values()), 1)
        now = {**dict(zip(shape.values, counts.bins, strict=True)), **counts.unseen}
        total = max(sum(now.values()), 1)
        keys = expected.keys() | now.keys()
        distance = sum(abs(expected.get(key, 0) / rows - now.get(key, 0) / total) for key in keys) / 2
    elif isinstance(shape, Numeric) and isinstance(origin, Numeric) and origin.edges and shape.edges and counts.seen:
        was = distribution(source)(np.asarray(shape.edges, np.float64))
        now_cdf = np.cumsum(counts.bins)[:-1] / counts.seen
        distance = float(np.abs(was - now_cdf).max())
        mean, then = counts.total / counts.seen, source.counts.total / max(source.counts.seen, 1)
        spread = (max(0.0, source.counts.squares / max(source.counts.seen, 1) - then**2)) ** 0.5
        if abs(mean - then) > 0.2 * spread:
            return 0.0
    else:
        return 0.0
    return float(np.clip((_CLOSE - distance) / (_CLOSE - 0.1), 0.0, 1.0))
