"""Whether inputs still go together as they did.

Who is chosen into a population brings all features along: where one moves, those that are related to it move as their
regression says. What is done to a column on its way leaves the others where they were, or cuts the tie.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.moments import moments_of
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation
from aiwatch.names import RELATIONS
from aiwatch.report.numbers import percent

_RELATED = 0.05  # share of variance that the other inputs must explain for them to tell anything
_MOVED = 0.1  # standard deviations
_SPREAD = 0.3  # change of the variance, as a share of it
_ALONG = 0.7  # of the usual part
_MOST = 4.0  # nats that one input may contribute
_CUT = 0.5  # slope of what was 1, and part of the way that others go along with what depends on them
_TIGHT = 0.5  # share of variance from which on a feature depends on the others, and hardly moves without them


def relations(situation: Situation) -> Iterator[Sign]:
    """Yield whether related inputs followed, stayed behind, were left, or lost their relation."""
    moments = moments_of(situation)
    if moments is None:
        return
    inputs = [name for name in moments.names if name != situation.prediction]
    if len(inputs) < 2:
        return
    nats, told = 0.0, []
    suspects = situation.inputs if RELATIONS in situation.drifted else situation.suspects
    for name in (each for each in inputs if each in suspects):
        found = moments.regression(name, inputs)
        if found.explained < _RELATED:
            continue
        error = math.sqrt((1 - min(found.explained, 0.99)) / found.explained / moments.rows)
        due = min(1.0, found.spread)  # who is chosen by the feature itself varies less, and follows less steeply
        size = strength(_CUT * due - found.slope, 0.0, error, situation.tests(name))
        text = f"{name}: goes with the other inputs at {percent(max(found.slope, 0.0))} of the former strength"
        yield Sign("untied", size, text, (name,))
        if abs(found.moved) > _MOVED:
            chance = math.sqrt(2 * found.explained / moments.rows)
            nats += _followed(found.due, found.explained * found.moved, chance)
            if found.explained > _TIGHT:
                short = _CUT * found.explained * abs(found.moved) - math.copysign(found.due, found.due * found.moved)
                text = f"{name}: moved by {found.moved:+.2f} sd, where the other inputs account for {found.due:+.2f}"
                yield Sign("parted", strength(short, 0.0, chance, situation.tests(name)), text, (name,))
            told.append((name, found.due / found.moved / found.explained))
        if abs(found.spread - 1) > _SPREAD:
            usual = found.explained * (found.spread - 1)
            nats += _followed(found.due_spread - 1, usual, math.sqrt(4 / moments.rows))
            told.append((name, (found.due_spread - 1) / usual))
    if told:
        follows = 1 / (1 + math.exp(-nats))
        names = tuple(dict.fromkeys(name for name, _ in told))
        share = sum(ratio for _, ratio in told) / len(told)
        along = "moved along" if share > _ALONG else "stayed" if share < 1 - _ALONG else "moved along in part"
        text = f"inputs that go with {', '.join(names[:3])} {along}"
        yield Sign("followed", follows, text, names)
        yield Sign("alone", 1 - follows, text, names)


def _followed(seen: float, usual: float, chance: float) -> float:
    """Return the log likelihood ratio of the others having followed as usual against having stayed.

    Others that moved the opposite way did neither: each may have changed for itself.
    """
    with_it = math.hypot(chance, 0.5 * usual)
    without = math.hypot(chance, 0.15 * usual, 0.01)
    ratio = 0.5 * ((seen / without) ** 2 - ((seen - usual) / with_it) ** 2) + math.log(without / with_it)
    return max(-_MOST, min(_MOST if seen * usual > 0 else 0.0, ratio))
