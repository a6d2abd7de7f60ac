"""One value in more rows: filled in where there was none, or a limit at which all others were cut."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.few import as_numbers
from aiwatch.detect.signs.smooth import Change, Shares, better, changes, divergence
from aiwatch.detect.signs.strength import material, share_error, strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric
from aiwatch.report.numbers import percent

_FILLED = 0.01  # share of rows with one value that matters
_POPULAR = 0.35  # standard deviations that a number may move because one of its few values became popular
_PLACEHOLDER = re.compile(
    r"\W*|n/?a|nan|null|nil|none|unk|unknown|undefined|unspecified|not (set|given|available)|missing|empty|default",
    re.IGNORECASE,
)
_IN_PROPORTION = 0.25  # of the divergence may be left over


def spike(situation: Situation) -> Iterator[Sign]:
    """Yield inputs of which one value came into more rows, while its neighbours, or all others, did not."""
    yield Sign("spike", 0.0)
    for name, change in changes(situation):
        yield from _risen(situation, name, change)
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        if not isinstance(feature.shape, Categorical) or not counts.seen or not feature.counts.seen:
            continue
        few = as_numbers(feature, counts)
        if few is None:
            yield from _placeholders(situation, name, feature.shape.values, feature.counts, counts)
            continue
        error = math.sqrt(1 / min(counts.seen, feature.counts.seen))
        unpopular = material(math.sqrt(2 * few.whole), _POPULAR, error)
        for sign in _risen(situation, name, few):
            yield replace(sign, strength=sign.strength * unpopular)


def _risen(situation: Situation, name: str, change: Change) -> Iterator[Sign]:
    """Yield each of the three values that rose most, if the others are where it came from."""
    excess = change.now - change.was
    for place in np.argsort(excess)[-3:].tolist():
        error = share_error(change.now[place], change.counts.seen, change.was[place], change.feature.counts.seen)
        places = situation.tests(name) * len(excess)
        size = strength(float(excess[place]), _FILLED, error, places)
        if size > 0.01:
            size *= max(_peak(change, place, places), _mixed(change, place), _cut(change, place))
            now, was = change.now[place], change.was[place]
            text = f"{name}: values {_where(change.feature, place)} in {percent(now)} of rows, was {percent(was)}"
            yield Sign("spike", size, text, (name,))


def _placeholders(
    situation: Situation, name: str, values: tuple[str, ...], then: Counts, counts: Counts
) -> Iterator[Sign]:
    """Yield known categories that stand for nothing known and rose, while the others kept their proportions."""
    was, now = (np.asarray(each.bins, float) / each.seen for each in (then, counts))
    for place, value in enumerate(values):
        share = float((now[place] - was[place]) / max(1 - was[place], 1e-9))
        if share <= 0 or not _PLACEHOLDER.fullmatch(value):
            continue
        expected = (1 - share) * was
        expected[place] += share
        chance = (np.count_nonzero(was) - 1) / 2 * (1 / counts.seen + 1 / then.seen)
        left, whole = (max(0.0, divergence(now, each) - chance) for each in (expected, was))
        error = share_error(now[place], counts.seen, was[place], then.seen)
        size = strength(float(now[place] - was[place]), _FILLED, error, situation.tests(name) * len(values))
        text = f"{name}: {value!r} in {percent(now[place])} of rows, was {percent(was[place])}"
        yield Sign("spike", size * (left < _IN_PROPORTION * whole), text, (name,))


def _peak(change: Change, place: int, places: int) -> float:
    """Return how surely a bin stands out from the two on either side of it; bins at the ends cannot."""
    if not 2 <= place < len(change.was) - 2 or change.was[place] > 0.05:
        return 0.0
    around = [place - 2, place - 1, place + 1, place + 2]
    rows = [float(change.now[each]) * change.counts.seen for each in around]
    ratios = [
        (n + 2 * math.sqrt(n) + 1) / change.counts.seen / max(change.was[each], 1e-9)
        for n, each in zip(rows, around, strict=True)
    ]
    usual = float(change.was[place]) * max(ratios)
    error = math.sqrt(max(change.now[place], 1 / change.counts.seen) / change.counts.seen)
    return strength(float(change.now[place]) - usual, 0.5 * _FILLED, error, places)


def _mixed(change: Change, place: int) -> float:
    """Return how surely the former values with one more in between explain the change better than a reweighting."""
    share = float((change.now[place] - change.was[place]) / max(1 - change.was[place], 1e-9))
    if share <= 0 or _scattered(change, place, share):
        return 0.0
    one = np.zeros_like(change.was)
    one[place] = 1.0
    expected: Shares = change.group((1 - share) * change.was + share * one)
    return _explains(change, expected, 0.03)


def _scattered(change: Change, place: int, share: float) -> bool:
    """Tell whether the rows that came in addition surely have no one value: beyond the former range, bins have no end.

    What mean and mean square have become tells mean and variance of these rows.
    """
    then, now = change.feature.counts, change.counts
    outside = place == 0 and (now.low or 0.0) < (then.low or 0.0)
    if not outside and not (place == len(change.was) - 1 and (now.high or 0.0) > (then.high or 0.0)):
        return False
    former, square = then.total / then.seen, then.squares / then.seen
    mean = (now.total / now.seen - (1 - share) * former) / share
    variance = (now.squares / now.seen - (1 - share) * square) / share - mean**2
    return variance > (square - former**2) + 0.25 * (mean - former) ** 2


def _cut(change: Change, place: int) -> float:
    """Return how surely all values beyond a bin have become its own, on either side, rather than rarer."""
    surest = 0.0
    for beyond in (slice(place + 1, None), slice(0, place)):
        expected = change.was.copy()
        expected[place] += expected[beyond].sum()
        expected[beyond] = 0.0
        surest = max(surest, _explains(change, change.group(expected), 0.02))
    return surest


def _explains(change: Change, expected: Shares, least: float) -> float:
    """Return how surely coarse shares explain a change better than a reweighting, by ``least`` of it at least.

    Where they explain it all, which takes one parameter, the reweighting may have no more: a polynomial of a higher
    degree bends to a single value, too, if there are few others.
    """
    left = change.left_over(expected)
    if left > _IN_PROPORTION * change.whole:
        return 0.0
    gain, error = better(change, expected, change.reweighted)
    surest = strength(gain, least * change.whole, error)
    if left < 0.1 * change.whole:
        gain, error = better(change, expected, change.reweighted_by(1))
        surest = max(surest, strength(gain, 0.05 * change.whole, error))
    return surest


def _where(feature: FeatureBaseline, place: int) -> str:
    """Return which values a bin holds: one, where all have one and none lies above them, see `distribution`."""
    assert isinstance(feature.shape, Numeric)
    edges = feature.shape.edges
    if place >= len(edges):
        return f"above {edges[-1]:.4g}"
    if not feature.counts.bins[-1]:
        return f"of {edges[place]:.4g}"
    return f"above {edges[place - 1]:.4g}, up to {edges[place]:.4g}" if place else f"up to {edges[0]:.4g}"
