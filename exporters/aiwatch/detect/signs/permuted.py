"""Values that have each other's frequencies: codes given out anew or shifted, hours of another time zone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import gammaln, xlogy

from aiwatch.detect.cells import LEAST
from aiwatch.detect.contracts import Floats
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.smooth import Change
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric

_FEWEST = 3  # values: two may change places in a population, too
_UNSEEN = 0.01  # share of rows from which on values are not the same any more
_LEFT_OVER = 0.15  # of the divergence: a reweighting that leaves less explains a change of numbers in part
_MOST = 500.0  # nats: the exponential of more is too large


def permuted(situation: Situation) -> Iterator[Sign]:
    """Yield inputs whose values have the same frequencies as before, but not each its own."""
    yield Sign("permuted", 0.0)
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        values = _values(feature)
        both = np.array([feature.counts.bins, counts.bins], float)[:, [place for place, _ in values]]
        if len(values) < _FEWEST or both[1].sum() < (1 - _UNSEEN) * (counts.seen + sum(counts.unseen.values())):
            continue
        odds = max(-_MOST, log_odds(both) - math.log(situation.tests(name)))
        strength = _by_no_reweighting(feature, counts) / (1 + math.exp(-odds))
        how = _how(both, [value for _, value in values])
        text = f"{name}: the frequencies are as before, but of other values{how}"
        yield Sign("permuted", strength, text, (name,))


def log_odds(both: Floats) -> float:
    """Return the log odds of former shares in another order against shares that changed each for itself, or not at all.

    New shares would differ from any former ones by about as much as they do from their own; to be as close as chance
    lets the same ones be is a coincidence, the greater the more rows there are. An order by chance is one of many, one
    that is shifted in a circle, or turned round, one of few.

    Reference: G. Schwarz, "Estimating the dimension of a model", 1978.

    Args:
        both: rows then and now by value in ascending order, shape (2, k).

    >>> then, now = [600, 50, 250, 100], [50, 600, 100, 250]
    >>> round(log_odds(np.array([then, now], float)), 1), log_odds(np.array([then, then], float)) < 0
    (6.6, True)
    >>> log_odds(np.array([then, [150, 500, 250, 100]], float)) < 0
    True
    """
    rows = both.sum(axis=1)
    if not rows.all():
        return -math.inf
    then, now = both
    changed = _surprise(then, now)
    shares = np.sort(both.sum(axis=0)[now + then >= LEAST])[1:] / rows.sum()  # one follows from the others
    free = float(np.log(np.maximum(1.0, np.sqrt(2 * changed * shares))).sum())  # distances in standard errors
    size = len(now)
    circles = [np.roll(each, by) for each in (then, then[::-1]) for by in range(size)]
    found = [_surprise(each, now) + math.log(2 * size) for each in circles[1:]]
    ordered = -np.sort(-both, axis=1)
    kept = max(2, int((ordered[1] >= LEAST).sum()))  # what is rarer is told apart by nothing
    merged = np.hstack([ordered[:, :kept], ordered[:, kept:].sum(axis=1, keepdims=True)])
    found.append(_surprise(*merged) + float(gammaln(size + 1) - gammaln(size - kept + 1)))
    return min(free, changed) - min(found)


def _by_no_reweighting(feature: FeatureBaseline, counts: Counts) -> float:
    """Return 1 unless a reweighting explains the change of a number: where all are a year older, none is another."""
    if not isinstance(feature.shape, Numeric) or not counts.seen:
        return 1.0
    change = Change(feature, counts)
    return min(1.0, change.left_over(change.reweighted) / max(_LEFT_OVER * change.whole, 1e-12))


def _surprise(then: Floats, now: Floats) -> float:
    """Return the log likelihood that two samples with the same shares lack to two with shares of their own."""
    whole = xlogy(then, then) + xlogy(now, now) - xlogy(then + now, then + now)
    sums = then.sum(), now.sum()
    return max(0.0, float(whole.sum() - xlogy(sums, sums).sum() + xlogy(sum(sums), sum(sums))))  # rounded, not less


def _values(feature: FeatureBaseline) -> list[tuple[int, str]]:
    """Return bins with the value of each in ascending order; none if they hold more than one, see `distribution`."""
    shape = feature.shape
    if isinstance(shape, Numeric):
        return [(place, f"{edge:g}") for place, edge in enumerate(shape.edges)] if not feature.counts.bins[-1] else []
    return sorted(enumerate(shape.values), key=lambda each: (_number(each[1]), each[1]))


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def _how(both: Floats, values: list[str]) -> str:
    """Return of which value the most frequent one has taken the place, in words."""
    was, now = both.argmax(axis=1)
    return f": {values[now][:40]!r} has that of {values[was][:40]!r}" if was != now else ""
