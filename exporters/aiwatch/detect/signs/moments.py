"""Means and covariances of normal scores, of the training period and now, out of sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiwatch.detect.signs.extent import gap
from aiwatch.detect.situation import Situation
from aiwatch.profiles.normal_scores import SCALE

Numbers = npt.NDArray[np.float64]
RIDGE = 1e-3
_GAP = 0.03  # points more without a value: too many zeros among the scores


@dataclass(frozen=True)
class Moments:
    """``names`` are features; means and covariances of their normal scores follow that order."""

    names: tuple[str, ...]
    rows: int
    then_mean: Numbers
    then: Numbers
    mean: Numbers
    now: Numbers

    def regression(self, target: str, inputs: Sequence[str]) -> Regression:
        """Return how the training period predicts a feature's score from those of others, and how that holds now."""
        at = self.names.index(target)
        others = [self.names.index(name) for name in inputs if name != target]
        block = self.then[np.ix_(others, others)]
        weights = np.linalg.solve(block + RIDGE * np.eye(len(others)), self.then[others, at])
        variance = float(self.then[at, at])
        explained = float(weights @ block @ weights)
        moved = self.mean - self.then_mean
        spread = float(weights @ self.now[np.ix_(others, others)] @ weights)
        return Regression(
            explained=explained / variance if variance > 0 else 0.0,
            moved=float(moved[at]),
            due=float(weights @ moved[others]),
            slope=float(weights @ self.now[others, at]) / spread if spread > 1e-6 else 1.0,
            spread=float(self.now[at, at]) / variance if variance > 0 else 1.0,
            due_spread=spread / explained if explained > 0 else 1.0,
        )


@dataclass(frozen=True)
class Regression:
    """A feature against others.

    Attributes:
        explained: share of its variance in the training period.
        moved: how far its mean moved.
        due: how far the means of the others let expect.
        slope: of the regression now: 1 as then, 0 if nothing is left of it.
        spread: its variance now, divided by that then.
        due_spread: the same of what the others predict.
    """

    explained: float
    moved: float
    due: float
    slope: float
    spread: float
    due_spread: float


def moments_of(situation: Situation) -> Moments | None:
    """Return the moments of the features that have values, or None if there are too few rows or features."""
    baseline, now = situation.baseline, situation.now
    kept = [
        place
        for place, name in enumerate(baseline.relations)
        if gap(situation, name) < _GAP and baseline.features[name].counts.seen
    ]
    rows = baseline.source.rows
    if len(kept) < 2 or now.rows < 100 or rows < 100 or not any(baseline.products):
        return None
    then_mean, then = _moments(baseline.sums, baseline.products, rows)
    mean, moment = _moments(now.sums, now.products, now.rows)
    chosen = np.ix_(kept, kept)
    names = tuple(baseline.relations[place] for place in kept)
    return Moments(names, min(now.rows, rows), then_mean[kept], then[chosen], mean[kept], moment[chosen])


def _moments(sums: Sequence[int], products: Sequence[int], rows: int) -> tuple[Numbers, Numbers]:
    mean = np.asarray(sums, np.float64) / rows / SCALE
    size = len(sums)
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = np.asarray(products, np.float64) / rows / SCALE**2
    matrix = matrix + np.triu(matrix, 1).T
    return mean, matrix - np.outer(mean, mean)
