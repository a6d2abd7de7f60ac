"""How much of a changed distribution explanations of it leave over: reweighting, conversion, chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.normal_scores import SCALE
from aiwatch.profiles.profile import Counts, Numeric

Shares = npt.NDArray[np.float64]
_TOLERATED = 1e-3  # share of rows that no explanation has to explain
_COARSE = 40  # bins, about, that shapes are compared in
_DEGREE = 4  # of a reweighting's polynomial, where there are bins enough
_FEWEST = 25  # rows of the training period in each of them


@dataclass(frozen=True)
class Change:
    """A number's distribution in the training period and now, among the rows that have a value.

    ``was`` and ``now`` are shares by bin, ``low`` and ``high`` the range of the training period.
    """

    feature: FeatureBaseline
    counts: Counts

    @cached_property
    def was(self) -> Shares:
        """Shares by bin in the training period."""
        return _shares(self.feature.counts.bins)

    @cached_property
    def now(self) -> Shares:
        """Shares by bin now."""
        return _shares(self.counts.bins)

    @cached_property
    def coarse(self) -> npt.NDArray[np.intp]:
        """The first bins of runs that each hold enough rows of the training period to be compared one by one."""
        least = max(1 / _COARSE, _FEWEST / max(self.feature.counts.seen, 1))
        starts, mass = [0], 0.0
        for place, share in enumerate(self.was[:-1]):
            mass += share
            if mass >= least - 1e-12 and self.was[place + 1 :].sum() >= least:
                starts.append(place + 1)
                mass = 0.0
        return np.array(starts)

    def group(self, shares: Shares) -> Shares:
        """Return shares by coarse bin."""
        return np.asarray(np.add.reduceat(shares, self.coarse))

    @cached_property
    def scores(self) -> Shares:
        """The mean normal score of each coarse bin."""
        weights = np.maximum(self.was, 1e-12)
        scores = np.asarray(self.feature.scores, np.float64) / SCALE
        return self.group(weights * scores) / self.group(weights)

    @cached_property
    def chance(self) -> float:
        """Divergence in nats per row that chance alone makes."""
        bins = len(self.coarse) - 1
        return bins / 2 * (1 / max(self.counts.seen, 1) + 1 / max(self.feature.counts.seen, 1))

    def left_over(self, expected: Shares) -> float:
        """Return the divergence (nats per row) of what is from coarse shares that an explanation expects."""
        return max(0.0, divergence(self.group(self.now), expected) - self.chance)

    @cached_property
    def whole(self) -> float:
        """Divergence from the training period."""
        return self.left_over(self.group(self.was))

    @cached_property
    def reweighted(self) -> Shares:
        """The coarse shares of the smooth reweighting that explains most."""
        return self.reweighted_by(_DEGREE)

    def reweighted_by(self, degree: int) -> Shares:
        """Return the coarse shares of the reweighting by a polynomial of a degree that explains most: see `tilt`.

        Coarse bins at either end that lost nearly all their rows are left out: who filters rows reweights them too.
        """
        was, now = self.group(self.was), self.group(self.now)
        kept = np.flatnonzero(now > 0.05 * was)
        inside = np.zeros(len(was), bool)
        if len(kept):
            inside[kept[0] : kept[-1] + 1] = True
        expected = np.zeros(len(was))
        expected[inside] = tilt(was[inside], now[inside], self.scores[inside], degree) * now[inside].sum()
        return expected

    @cached_property
    def cdf(self) -> Callable[[Shares], Shares]:
        """The distribution function of the training period; see `distribution`."""
        return distribution(self.feature)


def changes(situation: Situation) -> Iterator[tuple[str, Change]]:
    """Yield the numeric inputs with their change, if there are values to compare."""
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        if isinstance(feature.shape, Numeric) and feature.shape.edges and counts.seen and feature.counts.seen:
            yield name, Change(feature, counts)


def distribution(feature: FeatureBaseline) -> Callable[[Shares], Shares]:
    """Return the distribution function of a number in the training period.

    It is linear inside of bins; where each bin holds one value (the last one, above all values, is empty), it steps.
    """
    assert isinstance(feature.shape, Numeric)
    counts, edges = feature.counts, np.asarray(feature.shape.edges, np.float64)
    below = np.concatenate([[0.0], _shares(counts.bins).cumsum()])
    if counts.bins[-1] == 0:
        return lambda x: np.asarray(below[np.searchsorted(edges, x + 1e-9 * np.abs(x), side="right")])
    low = min(edges[0] if counts.low is None else counts.low, edges[0])
    high = max(edges[-1] if counts.high is None else counts.high, edges[-1])
    points = np.concatenate([[low - 1e-9 * abs(low) - 1e-12], edges, [high + 1e-9 * abs(high) + 1e-12]])
    return lambda x: np.asarray(np.interp(x, points, below, left=0.0, right=1.0))


def tilt(was: Shares, now: Shares, scores: Shares, most: int = _DEGREE) -> Shares:
    """Return the reweighting of ``was`` that is closest to ``now``, its logarithm a polynomial of the normal score, of
    degree ``most`` where there are bins enough.

    Reference: J. B. Anderson, "Multivariate logistic compounds", 1979 (density ratios that are log-polynomial).

    >>> was, scores = np.array([0.25, 0.5, 0.25]), np.array([-1.0, 0.0, 1.0])
    >>> tilt(was, np.array([0.1, 0.4, 0.5]) / 1.0, scores).round(2).tolist()
    [0.09, 0.42, 0.49]
    """
    if len(was) < 2 or not now.sum():
        return np.asarray(was / max(was.sum(), 1e-300))
    now = now / now.sum()
    degree = max(1, min(most, (len(was) - 1) // 3))
    terms = np.vander(np.asarray(scores) / 2, degree + 1, increasing=True)[:, 1:]
    base, goal = np.log(np.maximum(was, 1e-12)), now @ terms

    def loss(weights: Shares) -> tuple[float, Shares]:
        logs = base + terms @ weights
        top = logs.max()
        shares = np.exp(logs - top)
        total = shares.sum()
        gradient = (shares / total) @ terms - goal + 2e-5 * weights
        return float(top + math.log(total) - goal @ weights + 1e-5 * weights @ weights), gradient

    fitted = minimize(loss, np.zeros(degree), jac=True, method="BFGS", options={"maxiter": 100})
    logs = base + terms @ fitted.x
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum())


def divergence(now: Shares, expected: Shares) -> float:
    """Return the Kullback-Leibler divergence in nats per row, tolerating a few rows that nothing explains."""
    return float(_terms(now, expected) @ now)


def better(change: Change, one: Shares, other: Shares) -> tuple[float, float]:
    """Return by how many nats per row ``one`` explains the coarse shares better than ``other``, and its error.

    Reference: Q. H. Vuong, "Likelihood ratio tests for model selection and non-nested hypotheses", 1989.
    """
    now = change.group(change.now)
    gain = _terms(now, other) - _terms(now, one)
    mean = float(gain @ now)
    spread = math.sqrt(max(0.0, float(gain**2 @ now) - mean**2))
    return mean, spread / math.sqrt(max(1, min(change.counts.seen, change.feature.counts.seen)))


def _terms(now: Shares, expected: Shares) -> Shares:
    mixed = (1 - _TOLERATED) * expected + _TOLERATED * np.maximum(now, 1 / len(now))
    return np.log(np.maximum(now, 1e-12) / np.maximum(mixed, 1e-12))


def _shares(bins: Sequence[int]) -> Shares:
    counts = np.asarray(bins, np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0))
