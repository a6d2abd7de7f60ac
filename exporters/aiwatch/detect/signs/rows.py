"""Whether rows came more than once, or in another number than usual."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy.special import bdtrc

from aiwatch import names
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.strength import material, strength, surely
from aiwatch.detect.situation import Situation
from aiwatch.report.numbers import percent

_SAMPLED = 16  # different rows at least
_REPEATED = 0.05  # points more of different rows that come again
_ORDINARY = 0.3  # share of rows that come again from which on repeating says nothing
_RATIO = 1.5  # of rows to the usual number


def repeated(situation: Situation) -> Iterator[Sign]:
    """Yield whether whole rows repeat, which they did not.

    Every different row counts once, however often it comes: one that comes in masses says nothing of the others.
    """
    (again, different), (before, before_different) = situation.repeats
    usual = _expected(situation.baseline.repeats, situation.now.rows / situation.windows)
    if before_different:
        usual = max(usual, before / before_different)
    if different < _SAMPLED or usual > _ORDINARY:
        return
    share = again / different
    sure = surely(float(bdtrc(again - 1, different, usual)) if again else 1.0, situation.chance)
    error = math.sqrt(max(usual, 1 / different) / different)
    text = f"{percent(share)} of different rows came more than once, {percent(usual)} usually do"
    yield Sign("repeated", min(sure, material(share - usual, _REPEATED, error)), text)


def volume(situation: Situation) -> Iterator[Sign]:
    """Yield whether there are many more or many fewer rows than usual."""
    expected, rows = situation.expected_rows, situation.now.rows
    if expected:
        away = math.log(max(rows, 0.5) / expected)
        text = f"{rows} rows, {expected:.0f} usually"
        fewer, more = (strength(size, math.log(_RATIO), situation.rows_vary) for size in (-away, away))
        yield Sign("volume", fewer, text, (names.VOLUME,))
        yield Sign("surge", more, text, (names.VOLUME,))


def _expected(of_a_thousand: float, rows: float) -> float:
    """Return how many of the different ones among so many rows come again, at most, if among a thousand rows that share
    repeats another one.
    """
    repeating = min(1.0, of_a_thousand * max(rows, 1) / 1000)
    return min(1.0, repeating / max(1 - repeating, 1e-9))
