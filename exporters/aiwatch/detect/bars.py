"""Distributions in few bars, for people: then and now over each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aiwatch import names
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric
from aiwatch.report.document import Distribution

_BARS = 24
_CATEGORIES = 12
_UNSEEN = 4
_LONGEST = 60  # characters of a label
_WIDE = 100.0  # quotient of outer quantiles from which on a logarithmic scale shows more
_NOTHING = 1e-9  # of a scale
Floats = npt.NDArray[np.float64]


def bars(feature: FeatureBaseline, counts: Counts) -> Distribution:
    """Return a feature's distribution in the training period and now."""
    if isinstance(feature.shape, Categorical):
        return _categories(feature.shape, feature.counts, counts)
    return _numbers(feature.shape, feature.counts, counts)


def _numbers(shape: Numeric, then: Counts, now: Counts) -> Distribution:
    """Return ranges of equal width over the middle 98 % of the training period, and what lies beyond on either side."""
    if not shape.edges or not then.seen:
        return Distribution((), ())
    was, low, high = _below(shape, then), *_ends(shape, then)
    points = np.concatenate([[low], shape.edges, [high]])
    first, last = np.interp([0.01, 0.99], was, points)
    distinct = len(shape.edges) <= _BARS
    if distinct:
        edges = np.asarray(shape.edges, np.float64)[:-1]
    else:
        logarithmic = first > 0 and last / first > _WIDE
        edges = np.geomspace(first, last, _BARS - 1) if logarithmic else np.linspace(first, last, _BARS - 1)
        edges[abs(edges) < _NOTHING * (last - first)] = 0.0
    edges = np.unique(edges)
    if not len(edges):
        edges = np.asarray(shape.edges[:1], np.float64)
    shares = [_shares(edges, shape, counts) for counts in (then, now)]
    return Distribution(
        tuple(shares[0]),
        tuple(shares[1]),
        edges=tuple(float(f"{edge:.6g}") for edge in edges),
        logarithmic=bool(not distinct and first > 0 and last / first > _WIDE),
    )


def _shares(edges: Floats, shape: Numeric, counts: Counts) -> list[float]:
    low, high = _ends(shape, counts)
    points = np.concatenate([[low], shape.edges, [high]])
    below = np.interp(edges, points, _below(shape, counts)) * counts.seen / max(counts.rows, 1)
    whole = counts.seen / max(counts.rows, 1)
    return [round(float(share), 5) for share in np.diff(np.concatenate([[0.0], below, [whole]]))]


def _below(shape: Numeric, counts: Counts) -> Floats:
    return np.concatenate([[0.0], np.cumsum(counts.bins) / max(counts.seen, 1)])


def _ends(shape: Numeric, counts: Counts) -> tuple[float, float]:
    low, high = counts.low, counts.high
    return (
        min(shape.edges[0] if low is None else low, shape.edges[0]) - 1e-9,
        max(shape.edges[-1] if high is None else high, shape.edges[-1]) + 1e-9,
    )


def _categories(shape: Categorical, then: Counts, now: Counts) -> Distribution:
    """Return the categories with most rows in either, the rest together, and unseen ones."""
    rows = [max(then.rows, 1), max(now.rows, 1)]
    shares = {value: (a / rows[0], b / rows[1]) for value, a, b in zip(shape.values, then.bins, now.bins, strict=True)}
    shown = sorted(shares, key=lambda value: -max(shares[value]))[:_CATEGORIES]
    labels = [value[:_LONGEST] for value in shown]
    pairs = [shares[value] for value in shown]
    rest = [pair for value, pair in shares.items() if value not in set(shown)]
    if rest:
        labels.append(f"{len(rest)} others")
        pairs.append((sum(pair[0] for pair in rest), sum(pair[1] for pair in rest)))
    unseen = sorted(now.unseen, key=lambda value: (value == names.OTHER, -now.unseen[value]))
    for value in unseen[:_UNSEEN]:
        labels.append(f"new: {value[:_LONGEST]}")
        pairs.append((then.unseen.get(value, 0) / rows[0], now.unseen[value] / rows[1]))
    if unseen[_UNSEEN:]:
        labels.append("new: others")
        pairs.append((0.0, sum(now.unseen[value] for value in unseen[_UNSEEN:]) / rows[1]))
    return Distribution(
        tuple(round(pair[0], 5) for pair in pairs), tuple(round(pair[1], 5) for pair in pairs), labels=tuple(labels)
    )
