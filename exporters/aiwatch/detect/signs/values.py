"""Values that come too often, or from outside: frozen, filled in, out of range, rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.smooth import Change, Shares, better
from aiwatch.detect.signs.strength import material, of_shares, share_error, strength, surely
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric
from aiwatch.report.numbers import percent

_NEARLY_ALL = 0.95
_FILLED = 0.01  # share of rows with one value that matters
_GAPS = 5  # in a row of values that make it look rounded
_NARROW = 1e-3  # share of the former spread that a frozen value may still have
_FAR = 0.5  # of the former range


def frozen(situation: Situation) -> Iterator[Sign]:
    """Yield inputs that have one value in nearly all rows, and had not."""
    yield Sign("frozen", 0.0)
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        if not counts.seen or not feature.counts.seen or _spread(counts) > _NARROW * _spread(feature.counts):
            continue
        place = int(np.argmax(counts.bins))
        was, now = feature.counts.bins[place] / feature.counts.seen, counts.bins[place] / counts.seen
        error = share_error(now, counts.seen, was, feature.counts.seen)
        size = (
            strength(now - was, max(0.02, _NEARLY_ALL * (1 - was)), error, situation.tests(name)) if now > was else 0.0
        )
        shown = _value(feature, counts, place)
        yield Sign("frozen", size, f"{name}: {shown} in {percent(now)} of rows, was {percent(was)}", (name,))


def spike(situation: Situation) -> Iterator[Sign]:
    """Yield numbers of which one value came into more rows, while its neighbours did not."""
    yield Sign("spike", 0.0)
    for name, change in changes(situation):
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


def beyond(situation: Situation) -> Iterator[Sign]:
    """Yield numbers that reach far beyond the range of the training period, in more than stray rows."""
    yield Sign("beyond", 0.0)
    for name, change in changes(situation):
        then, counts = change.feature.counts, change.counts
        edges = change.feature.shape.edges if isinstance(change.feature.shape, Numeric) else ()
        if not edges or None in (then.low, then.high, counts.low, counts.high):
            continue
        low, high = float(then.low or 0.0), float(then.high or 0.0)
        least, most = float(counts.low or 0.0), float(counts.high or 0.0)
        span = high - low
        above = most - high > max(_FAR * span, 2 * (high - edges[-1]))
        below = low - least > max(_FAR * span, 2 * (edges[0] - low)) or least < 0 <= low or least == 0 < low
        for out, place, reached in ((above, -1, most), (below, 0, least)):
            if not out:
                continue
            error = share_error(change.now[place], counts.seen, change.was[place], then.seen)
            size = strength(float(change.now[place] - change.was[place]), 0.002, error, situation.tests(name))
            yield Sign("beyond", size, f"{name}: reaches {reached:.4g}, was {low:.4g} to {high:.4g}", (name,))


def negative(situation: Situation) -> Iterator[Sign]:
    """Yield numbers that are negative in more than stray rows, which none of the training period was."""
    yield Sign("negative", 0.0)
    for name in situation.inputs:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        then = feature.counts
        if not isinstance(feature.shape, Numeric) or then.low is None or counts.low is None or not then.seen:
            continue
        if counts.low < 0 <= then.low:
            group = (then.seen, float(then.bins[0])), (counts.seen, float(counts.bins[0]))
            was, now = then.bins[0] / then.seen, counts.bins[0] / counts.seen
            sure = surely(len(situation.inputs) * of_shares([group]), situation.chance)
            error = share_error(now, counts.seen, was, then.seen)
            text = f"{name}: negative, down to {counts.low:.4g}, in about {percent(now - was)} of rows, which none was"
            yield Sign("negative", min(sure, material(now - was, _FILLED, error)) * (now > was), text, (name,))


def coarse(situation: Situation) -> Iterator[Sign]:
    """Yield numbers that fall on every so many-th bin only: rounded, or read with less precision."""
    yield Sign("coarse", 0.0)
    for name, change in changes(situation):
        filled = np.flatnonzero(change.was > 0)
        rows = change.counts.seen
        if len(filled) < 32 or rows < 4 * len(filled):
            continue
        reweighted = np.repeat(change.reweighted / np.maximum(change.group(change.was), 1e-12), _lengths(change))
        expected = (change.was * reweighted)[filled]
        empty = (change.now[filled] < 0.1 * expected) & (expected * rows > 3)
        share = float(expected[empty].sum())
        runs = np.count_nonzero(empty[1:] & ~empty[:-1]) - bool(empty[-1])  # of empty bins that end again
        scattered = min(1.0, runs / _GAPS)
        size = strength(share, 0.1, math.sqrt(1 / rows), situation.tests(name)) * scattered
        yield Sign("coarse", size, f"{name}: no rows in {percent(share)} of its former values", (name,))


def changes(situation: Situation) -> Iterator[tuple[str, Change]]:
    """Yield the numeric inputs with their change, if there are values to compare."""
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        if isinstance(feature.shape, Numeric) and feature.shape.edges and counts.seen and feature.counts.seen:
            yield name, Change(feature, counts)


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
    if left > 0.25 * change.whole:
        return 0.0
    gain, error = better(change, expected, change.reweighted)
    surest = strength(gain, least * change.whole, error)
    if left < 0.1 * change.whole:
        gain, error = better(change, expected, change.reweighted_by(1))
        surest = max(surest, strength(gain, 0.05 * change.whole, error))
    return surest


def _lengths(change: Change) -> list[int]:
    ends = [*change.coarse[1:].tolist(), len(change.was)]
    return [end - start for start, end in zip(change.coarse.tolist(), ends, strict=True)]


def _spread(counts: Counts) -> float:
    """Return the standard deviation of numbers; 0 for categories."""
    if not counts.seen:
        return 0.0
    mean = counts.total / counts.seen
    return math.sqrt(max(0.0, counts.squares / counts.seen - mean * mean))


def _value(feature: FeatureBaseline, counts: Counts, place: int) -> str:
    if isinstance(feature.shape, Numeric):
        return f"{counts.total / counts.seen:.6g}"
    return repr(feature.shape.values[place][:40])


def _where(feature: FeatureBaseline, place: int) -> str:
    if not isinstance(feature.shape, Numeric):
        return repr(feature.shape.values[place][:40])
    edges = feature.shape.edges
    if place == 0:
        return f"up to {edges[0]:.4g}"
    return (
        f"above {edges[-1]:.4g}" if place >= len(edges) else f"above {edges[place - 1]:.4g}, up to {edges[place]:.4g}"
    )
