"""Inputs whose values are as possible as before, only in other proportions."""

from __future__ import annotations

from collections.abc import Iterator

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.extent import extent
from aiwatch.detect.signs.smooth import Change
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric
from aiwatch.report.numbers import percent, short

_MATERIAL = 0.08  # see `extent`
_LEFT_OVER = 0.35  # of the divergence may be left unexplained by a smooth reweighting
_MANY = 3  # inputs, or this share of them:
_MANY_OF_ALL = 0.4


def reweighted(situation: Situation) -> Iterator[Sign]:
    """Yield inputs whose change a reweighting of rows explains, and whether they are several."""
    yield Sign("reweighted", 0.0)
    total = 0.0
    for name in situation.suspects:
        feature, counts = situation.baseline.features[name], situation.now.features[name]
        moved = extent(situation, name)
        if not counts.seen or not feature.counts.seen:
            continue
        error = (0.5 / counts.seen + 0.5 / feature.counts.seen) ** 0.5
        size = strength(moved, _MATERIAL, error, situation.tests(name))
        if isinstance(feature.shape, Numeric) and size > 0.01:
            change = Change(feature, counts)
            left = change.left_over(change.reweighted) / change.whole if change.whole else 1.0
            size *= min(1.0, max(0.0, 1 - (left - _LEFT_OVER) / _LEFT_OVER))
        elif isinstance(feature.shape, Categorical):
            size *= 1 - min(1.0, 5 * sum(counts.unseen.values()) / counts.rows)
        total += size
        yield Sign("reweighted", size, f"{name}: the same values in other proportions{_how(feature, counts)}", (name,))
    many = max(2.0, min(_MANY, _MANY_OF_ALL * len(situation.inputs)))
    yield Sign("several", min(1.0, max(0.0, (total - 1) / (many - 1))), f"{total:.0f} inputs moved")


def _how(feature: FeatureBaseline, counts: Counts) -> str:
    """Return what moved most, in words."""
    then = feature.counts
    if isinstance(feature.shape, Numeric):
        return f", mean {short(counts.total / counts.seen)}, was {short(then.total / then.seen)}"
    shares = [(now / counts.seen, was / then.seen) for now, was in zip(counts.bins, then.bins, strict=True)]
    place = max(range(len(shares)), key=lambda each: abs(shares[each][0] - shares[each][1]))
    now, was = shares[place]
    return f", {feature.shape.values[place][:40]!r} {percent(now)}, was {percent(was)}"
