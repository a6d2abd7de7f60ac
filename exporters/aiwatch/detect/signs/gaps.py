"""Values that are not there, or of the wrong type."""

from __future__ import annotations

from collections.abc import Iterator

from aiwatch.detect.signs.contract import Sign, SignName
from aiwatch.detect.signs.strength import share_error, strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Counts
from aiwatch.report.numbers import percent

_MATERIAL = 0.004  # points
_OF_BEFORE = 0.1  # ... and this share of what was missing before


def missing(situation: Situation) -> Iterator[Sign]:
    """Yield inputs that lack a value more often than in the training period."""
    yield from _lacking(situation, "missing", situation.suspects)


def invalid(situation: Situation) -> Iterator[Sign]:
    """Yield inputs whose values have the wrong type more often than in the training period."""
    yield from _lacking(situation, "invalid", situation.suspects)


def score_missing(situation: Situation) -> Iterator[Sign]:
    """Yield that there is no score more often than in the training period."""
    if situation.prediction is not None:
        yield from _lacking(situation, "score_missing", (situation.prediction,))


def _lacking(situation: Situation, sign: SignName, features: tuple[str, ...]) -> Iterator[Sign]:
    yield Sign(sign, 0.0)
    for name in features:
        then, counts = situation.baseline.features[name].counts, situation.now.features[name]
        was, now = (_share(each, sign) for each in (then, counts))
        error = share_error(now, counts.rows, was, then.rows)
        size = strength(now - was, _MATERIAL + _OF_BEFORE * was, error, situation.tests(name))
        what = "of the wrong type" if sign == "invalid" else "missing"
        yield Sign(sign, size, f"{name}: {percent(now)} {what}, was {percent(was)}", (name,))


def _share(counts: Counts, sign: SignName) -> float:
    return (counts.invalid if sign == "invalid" else counts.missing) / max(counts.rows, 1)
