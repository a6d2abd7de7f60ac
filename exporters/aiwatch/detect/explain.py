"""Which cause explains a change best: every hypothesis says how often it shows each sign, the signs are weighed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from aiwatch.detect.causes import HYPOTHESES
from aiwatch.detect.causes.contract import Hypothesis
from aiwatch.detect.signs import LOOKS
from aiwatch.detect.signs.contract import Sign, SignName
from aiwatch.detect.situation import Situation
from aiwatch.profiles.result import Cause, Claim

BY_CHANCE = 0.02  # how often a sign shows with a cause that has nothing to do with it
_ALWAYS: frozenset[SignName] = frozenset(
    {"outcomes", "latency", "errors", "repeated", "volume", "surge", "negative", "beyond"}
)
_OF_SCORE: frozenset[SignName] = frozenset({"score_moved", "score_missing", "score_apart", "outcomes"})
_CLEAR = 0.5  # strength from which on a sign is told, and a window needs an explanation
_LEAST = 0.02  # weight of a cause that is still told
_HARDLY_WITHOUT = 0.9  # of the incidents of a hypothesis show such a sign
_TOLD = 4  # signs of a cause

Signs = Mapping[SignName, Sequence[Sign]]


def explain(situation: Situation) -> tuple[Claim, ...]:
    """Return the causes that may explain the change, the likeliest first; none where nothing wants explaining.

    Each hypothesis of each cause is scored by its prior and by how well it foretells what is to be seen and what is
    not, as if signs were independent given the cause (naive Bayes, after Pearl). A sign that is there by half counts by
    half; a hypothesis whose main sign could not be looked for is left out. The hypotheses of one cause add up; the
    weights of all causes together are 1.

    Something wants explaining where the verdict says so, or where a sign is clear that the verdict does not look at:
    outcomes, latency, errors, repeated rows, their number, negative numbers where there were none, numbers far out of
    range.

    Reference: D. Heckerman, J. Breese, K. Rommelse, "Decision-theoretic troubleshooting", 1995.
    """
    signs = look(situation)
    if not situation.drifted and not any(clear(signs, name) for name in _ALWAYS):
        return ()
    thinkable = [hypothesis for hypothesis in HYPOTHESES if can_be_told(hypothesis, signs)]
    logs = [log_weight(hypothesis, signs) for hypothesis in thinkable]
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    whole = sum(weights)
    by_cause: dict[Cause, list[tuple[float, Hypothesis]]] = {}
    for hypothesis, weight in zip(thinkable, weights, strict=True):
        by_cause.setdefault(hypothesis.cause, []).append((weight / whole, hypothesis))
    claims = [_claim(cause, held, signs) for cause, held in by_cause.items()]
    told = [claim for claim in claims if claim.weight >= _LEAST and claim.evidence]
    return tuple(sorted(told, key=lambda claim: -claim.weight))


def look(situation: Situation) -> Signs:
    """Return everything that could be looked for, by sign."""
    found: dict[SignName, list[Sign]] = {}
    for each in LOOKS:
        for sign in each(situation):
            found.setdefault(sign.name, []).append(sign)
    return found


def clear(signs: Signs, name: SignName) -> bool:
    """Tell whether a sign is surely there."""
    return presence(signs, name) >= _CLEAR


def presence(signs: Signs, name: SignName) -> float:
    """Return how surely a sign is there, in whatever feature."""
    return max((sign.strength for sign in signs.get(name, ())), default=0.0)


def can_be_told(hypothesis: Hypothesis, signs: Signs) -> bool:
    """Tell whether all signs that a hypothesis is hardly ever without could be looked for."""
    return all(name in signs for name in _marks(hypothesis))


def _marks(hypothesis: Hypothesis) -> list[SignName]:
    """Return the signs that a hypothesis is hardly ever without."""
    return [name for name, share in hypothesis.expects.items() if share >= _HARDLY_WITHOUT]


def log_weight(hypothesis: Hypothesis, signs: Signs) -> float:
    """Return the logarithm of a hypothesis's weight: prior times likelihood of all signs."""
    whole = math.log(hypothesis.prior)
    for name in signs:
        likely, there = hypothesis.expects.get(name, BY_CHANCE), presence(signs, name)
        whole += math.log(there * likely + (1 - there) * (1 - likely))
    return whole


def _claim(cause: Cause, held: Sequence[tuple[float, Hypothesis]], signs: Signs) -> Claim:
    """Return what is claimed of one cause: its likeliest hypothesis, and the signs that speak for it most.

    What kind it is of is left open where a sign that this kind is hardly ever without is not clear.
    """
    _, best = max(held, key=lambda each: each[0])
    gains = {name: best.expects[name] for name in signs if name in best.expects and clear(signs, name)}
    speaking = sorted((name for name in gains if gains[name] > 5 * BY_CHANCE), key=lambda name: -gains[name])
    shown = [sign for name in speaking for sign in signs[name] if sign.strength >= _CLEAR and sign.text]
    found = [(sign.name, feature) for sign in shown for feature in sign.features]
    features = dict.fromkeys(feature for name, feature in found if name not in _OF_SCORE)
    features = features or dict.fromkeys(feature for _, feature in found)
    evidence = [text for name in speaking[:_TOLD] for text in _texts(signs[name])]
    kind = best.kind if all(clear(signs, name) for name in _marks(best)) else cause
    return Claim(cause, kind, round(sum(weight for weight, _ in held), 4), tuple(evidence), tuple(features))


def _texts(signs: Sequence[Sign]) -> list[str]:
    """Return what three of the signs say, the surest first, and how many more there are."""
    told = sorted((sign for sign in signs if sign.strength >= _CLEAR and sign.text), key=lambda sign: -sign.strength)
    more = len(told) - 3
    return [*(sign.text for sign in told[:3]), *([f"... and {more} more"] if more > 0 else [])]
