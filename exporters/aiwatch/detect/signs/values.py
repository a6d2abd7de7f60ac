"""Values that are too few, or from outside: frozen, out of range, negative, rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.smooth import Change, changes
from aiwatch.detect.signs.strength import material, of_shares, share_error, strength, surely
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Numeric
from aiwatch.report.numbers import percent

_NEARLY_ALL = 0.95
_FILLED = 0.01  # share of rows with one value that matters
_GAPS = 5  # in a row of values that make it look rounded
_NARROW = 1e-3  # share of the former spread, and of its own mean, that a frozen value may still vary by
_FAR = 0.5  # of the former range
_HARDLY_ANY = 0.02  # share of rows: more of them vary by more than what matters


def frozen(situation: Situation) -> Iterator[Sign]:
    """Yield inputs that have one value in nearly all rows, and had not."""
    yield Sign("frozen", 0.0)
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        if not counts.seen or not feature.counts.seen:
            continue
        if _spread(counts) > _NARROW * min(_spread(feature.counts), abs(counts.total / counts.seen)):
            continue
        place = int(np.argmax(counts.bins))
        was, now = feature.counts.bins[place] / feature.counts.seen, counts.bins[place] / counts.seen
        error = share_error(now, counts.seen, now, counts.seen)
        least = was + max(0.02, _NEARLY_ALL * (1 - was))
        size = strength(now, least, error, situation.tests(name)) if now > was else 0.0
        shown = _value(feature, counts, place)
        yield Sign("frozen", size, f"{name}: {shown} in {percent(now)} of rows, was {percent(was)}", (name,))


def beyond(situation: Situation) -> Iterator[Sign]:
    """Yield numbers that reach far beyond the range of the training period, in more than stray rows.

    Where nothing drifts, these must be more, and beside hardly any that were there before.
    """
    yield Sign("beyond", 0.0)
    for name in situation.suspects if situation.drifted else situation.inputs:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        then, edges = feature.counts, feature.shape.edges if isinstance(feature.shape, Numeric) else ()
        if not edges or None in (then.low, then.high, counts.low, counts.high):
            continue
        low, high = float(then.low or 0.0), float(then.high or 0.0)
        least, most = float(counts.low or 0.0), float(counts.high or 0.0)
        span = high - low
        above = most - high > max(_FAR * span, 2 * (high - edges[-1]))
        below = low - least > max(_FAR * span, 2 * (edges[0] - low)) or least < 0 <= low or least == 0 < low
        for out, place, reached in ((above, -1, most), (below, 0, least)):
            was, now, error = _shares(then, counts, place)
            if not out or (was > _HARDLY_ANY and not situation.drifted):
                continue
            if situation.drifted:
                size = strength(now - was, 0.002, error, situation.tests(name))
            else:
                size = _filled(situation, then, counts, place)
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
            was, now, _ = _shares(then, counts, 0)
            text = f"{name}: negative, down to {counts.low:.4g}, in about {percent(now - was)} of rows, which none was"
            yield Sign("negative", _filled(situation, then, counts, 0), text, (name,))


def _filled(situation: Situation, then: Counts, counts: Counts, place: int) -> float:
    """Return how surely a bin has got materially more rows, of whatever input, though no verdict says so."""
    was, now, error = _shares(then, counts, place)
    group = (then.seen, float(then.bins[place])), (counts.seen, float(counts.bins[place]))
    sure = surely(len(situation.inputs) * of_shares([group]), situation.chance)
    return min(sure, material(now - was, _FILLED, error)) * (now > was)


def _shares(then: Counts, counts: Counts, place: int) -> tuple[float, float, float]:
    """Return the share of rows in a bin then and now, and the standard error of the difference."""
    was, now = then.bins[place] / then.seen, counts.bins[place] / counts.seen
    return was, now, share_error(now, counts.seen, was, then.seen)


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
