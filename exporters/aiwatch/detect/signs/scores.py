"""Whether the model's output moved, and whether its inputs account for that."""

from __future__ import annotations

import math
from collections.abc import Iterator

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.extent import extent, gap
from aiwatch.detect.signs.moments import moments_of
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation

_MATERIAL = 0.1  # see `extent`
_RELATED = 0.1  # share of the output's variance that the inputs must explain
_SLOPE = 0.3  # change of the relation to the inputs that matters


def scores(situation: Situation) -> Iterator[Sign]:
    """Yield whether the output moved, and whether it moved at the same inputs."""
    name = situation.prediction
    if name is None or not situation.inputs:
        return
    if situation.seasonal and name not in situation.drifted:
        yield from (Sign("score_moved", 0.0), Sign("score_apart", 0.0))
        return
    rows = min(situation.now.features[name].seen, situation.baseline.features[name].counts.seen)
    error = math.sqrt(2 / max(rows, 1))
    moved = extent(situation, name)
    tests = situation.tests(name)
    yield Sign("score_moved", strength(moved, _MATERIAL, error, tests), f"the {name} moved by {moved:.2f} sd", (name,))
    inputs = math.sqrt(sum(_moved(situation, each) ** 2 for each in situation.inputs))
    apart = strength(moved, _MATERIAL + 1.2 * inputs, error, tests)
    text = f"the {name} moved by {moved:.2f} sd, its inputs by {inputs:.2f} in all"
    yield Sign("score_apart", apart, text, (name,))
    moments = moments_of(situation)
    if moments is None or name not in moments.names:
        return
    found = moments.regression(name, [each for each in moments.names if each != name])
    if found.explained < _RELATED:
        return
    chance = math.sqrt(2 / moments.rows)
    away = abs(found.moved - found.due)
    tolerated = _MATERIAL + 0.5 * abs(found.due) + 0.35 * inputs
    text = f"the {name} moved by {found.moved:+.2f} sd, where its inputs account for {found.due:+.2f}"
    yield Sign("score_apart", strength(away, tolerated, chance, tests), text, (name,))
    chance = math.sqrt((1 - min(found.explained, 0.99)) / found.explained / moments.rows)
    loose = strength(abs(found.slope - 1), _SLOPE + 0.6 * inputs, chance, tests)
    text = f"the {name} follows its inputs {found.slope:.2f} times as strongly as before"
    yield Sign("score_apart", loose, text, (name,))


def _moved(situation: Situation, name: str) -> float:
    """Return how far an input moved; values that are gone, or are none, moved far."""
    return extent(situation, name) + 2 * max(0.0, abs(gap(situation, name)) - 0.005)
