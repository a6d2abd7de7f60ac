"""Whether the output goes with each of its inputs as it did, beside the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.extent import extent
from aiwatch.detect.signs.moments import RIDGE, Moments, Numbers, moments_of
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation
from aiwatch.names import RELATIONS
from aiwatch.report.numbers import percent

_TELLING = 0.02  # share of the output's variance that an input alone explains
_STILL = 0.1  # see `extent`: who is chosen by an input changes its weight, too
_CUT = 0.5  # of its former weight
_BARELY = 0.3  # of the way that the output usually goes along with an input
_MOVED = 0.05  # standard deviations, of the output due to one input
_SURE = 0.5  # below, it says nothing: the model may have been given the same wrong values
_KEPT = 0.25  # that the weights of the others, on average, may have changed


def unheeded(situation: Situation) -> Iterator[Sign]:
    """Yield inputs that the output does not follow any more, or the other way, while it follows the others as it did.

    What the log holds is then not what the model was given: other values, or those of other rows. A model that is not
    the former one weighs all inputs anew; one that only ignores an input that it knew leaves the same trace. No values
    of other rows make the output go the other way: only the model does.
    """
    moments, name = moments_of(situation), situation.prediction
    if moments is None or name not in moments.names:
        return
    inputs = [place for place, each in enumerate(moments.names) if each != name]
    weights = _regression(moments, moments.then, np.eye(len(moments.names))[inputs], name).weights
    moved = moments.mean - moments.then_mean
    suspects = situation.inputs if RELATIONS in situation.drifted else situation.suspects
    for at, each in enumerate(moments.names[place] for place in inputs):
        both = np.zeros((2, len(moments.names)))  # what the output takes from this input, and from all others
        both[:, inputs] = weights
        both[0, np.delete(inputs, at)] = both[1, inputs[at]] = 0.0
        then, now = (_regression(moments, covariance, both, name) for covariance in (moments.then, moments.now))
        left, kept = now.weights.tolist()
        if then.alone.min() < _TELLING or abs(kept - 1) > _KEPT or each not in suspects:
            continue
        tests = situation.tests(each)
        due, of_others = (both @ moved).tolist()
        if extent(situation, each) < _STILL:
            size = strength(_CUT - abs(left), 0.0, float(now.errors[0]), tests)
            text = f"{each}: the {name} goes with it at {percent(max(left, 0.0))} of the former strength"
            yield Sign("untied", size, f"{text}, with the other inputs at {percent(kept)}", (each,))
            size = strength(-_CUT - left, 0.0, float(now.errors[0]), tests)
            text = f"{each}: the {name} goes the other way with it, {percent(max(-left, 0.0))} as strongly as before"
            yield Sign("score_apart", size, text, (name,))
        elif abs(due) > _MOVED:
            along = float(moved[moments.names.index(name)]) - of_others
            size = strength(_BARELY * abs(due) - math.copysign(along, along * due), 0.0, then.chance, tests)
            text = f"{each}: should have moved the {name} by {due:+.2f} sd, and did by {along:+.2f}"
            if size > _SURE:
                yield Sign("parted", size, text, (each,))


@dataclass(frozen=True)
class _Regression:
    """Of the output: weights of what is given, their errors, and the share of its variance that each alone explains.

    ``chance`` is the standard error of the difference of what is left over on average, then and now.
    """

    weights: Numbers
    errors: Numbers
    alone: Numbers
    chance: float


def _regression(moments: Moments, covariance: Numbers, given: Numbers, output: str) -> _Regression:
    """Regress the output on linear combinations of the features, shape (number, features)."""
    at = moments.names.index(output)
    inverse = np.linalg.inv(given @ covariance @ given.T + RIDGE * np.diag((given**2).sum(axis=1) + RIDGE))
    with_it = given @ covariance[at]
    weights = inverse @ with_it
    variance = max(float(covariance[at, at]), 1e-12)
    rest = max(variance - float(weights @ with_it), 0.01 * variance)
    errors = np.sqrt(rest * np.diag(inverse) / moments.rows)
    alone = weights**2 / np.diag(inverse) / variance
    return _Regression(weights, errors, alone, math.sqrt(2 * rest / moments.rows))
