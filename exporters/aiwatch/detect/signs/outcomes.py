"""Whether the same score still means the same outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from scipy.special import ndtr

from aiwatch import names
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.strength import Group, material, of_shares, surely
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Counts
from aiwatch.report.numbers import percent

_GROUPS = 12  # of score bins
_FEWEST = 100  # labels
_MATERIAL = 0.06  # root mean square over groups, in standard deviations of the outcome
Labels = Mapping[int, tuple[int, float]]


def outcomes(situation: Situation) -> Iterator[Sign]:
    """Yield whether outcomes moved at the same score, if enough of them are known."""
    then, now = situation.baseline.labels, situation.now.labels
    rows, known = sum(rows for rows, _ in now.values()), sum(rows for rows, _ in then.values())
    if situation.prediction is None or rows < _FEWEST or known < _FEWEST:
        return
    variance = outcome_variance(situation.prediction, then, situation.baseline.features[situation.prediction].counts)
    groups = grouped(then, now)
    share = situation.prediction == names.SCORE
    p_value = of_shares(groups) if share else of_means(groups, variance)
    square = chance = mean_was = mean_now = 0.0
    for (were, was), (are, is_) in groups:
        error = variance / max(are, 1) + variance / max(were, 1)
        if are and were:
            away = is_ / are - was / were
            square += are / rows * (away**2 - error) / variance
            chance += (are / rows) ** 2 * 2 * (error / variance) * (error / variance + 2 * away**2 / variance)
            mean_was += are * was / were
            mean_now += is_
    size = math.sqrt(max(square, 0.0))
    error = math.sqrt(chance) / (2 * max(size, _MATERIAL))
    text = f"the mean outcome is {mean_now / rows:.4g} where the same {situation.prediction}s had {mean_was / rows:.4g}"
    if situation.prediction == names.SCORE:
        text = f"{percent(mean_now / rows)} positive outcomes where the same scores had {percent(mean_was / rows)}"
    there = min(material(size, _MATERIAL, error), surely(p_value, situation.chance))
    yield Sign("outcomes", there, text, (situation.prediction,))


def of_means(groups: Sequence[Group], variance: float) -> float:
    """Return the same for outcomes that are numbers, of which the variance is known."""
    told = [
        (is_ - are * was / were, are**2 * variance * (1 / are + 1 / were))
        for (were, was), (are, is_) in groups
        if were and are
    ]
    whole = (sum(away for away, _ in told), sum(square for _, square in told))
    tails = [float(ndtr(-abs(away) / math.sqrt(square))) for away, square in (whole, *told) if square > 0]
    return min(1.0, 2 * len(tails) * min(tails, default=1.0))


def outcome_variance(prediction: str, labels: Labels, counts: Counts) -> float:
    """Return the variance of one outcome: of a share if it is one, else about that of the predicted values."""
    rows, total = sum(rows for rows, _ in labels.values()), sum(total for _, total in labels.values())
    mean = total / max(rows, 1)
    if prediction == names.SCORE:
        return max(mean * (1 - mean), 1 / max(rows, 1))
    middle = counts.total / max(counts.seen, 1)
    return max(counts.squares / max(counts.seen, 1) - middle**2, 1e-12)


def grouped(then: Labels, now: Labels) -> list[Group]:
    """Return rows and sums of outcomes then and now, in groups of score bins with about as many former rows each."""
    places = sorted(then.keys() | now.keys())
    rows = list(accumulate(then.get(place, (0, 0.0))[0] for place in places))
    whole = max(rows[-1], 1)
    found = [((0, 0.0), (0, 0.0))] * _GROUPS
    for place, end in zip(places, rows, strict=True):
        held = then.get(place, (0, 0.0))
        group = min(_GROUPS - 1, int((end - held[0] / 2) / whole * _GROUPS))
        more = now.get(place, (0, 0.0))
        (were, was), (are, is_) = found[group]
        found[group] = ((were + held[0], was + held[1]), (are + more[0], is_ + more[1]))
    return found
