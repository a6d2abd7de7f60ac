"""How far each feature moved, in one measure for all: about standard deviations of a shifted normal distribution."""

from __future__ import annotations

import math

import numpy as np

from aiwatch.detect.signs.smooth import Change, divergence
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Numeric


def extent(situation: Situation, name: str) -> float:
    """Return how far the values of a feature moved beyond chance: the shift of a normal distribution that diverges
    as much. What is missing is no value; see `gap`.
    """
    feature, counts = situation.baseline.features[name], situation.now.features[name]
    if not counts.seen or not feature.counts.seen:
        return 0.0
    if isinstance(feature.shape, Numeric):
        whole = Change(feature, counts).whole
    else:
        was, now = (np.asarray(each.bins, float) / each.seen for each in (feature.counts, counts))
        bins = int(np.count_nonzero(was)) - 1
        chance = bins / 2 * (1 / counts.seen + 1 / feature.counts.seen)
        whole = max(0.0, divergence(now, was) - chance)
    return math.sqrt(2 * whole)


def gap(situation: Situation, name: str) -> float:
    """Return by how many points more (or less, if negative) a feature is without a usable value."""
    then, now = situation.baseline.features[name].counts, situation.now.features[name]
    return then.seen / max(then.rows, 1) - now.seen / max(now.rows, 1)
