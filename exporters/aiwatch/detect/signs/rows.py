"""Whether rows came more than once, or in another number than usual."""

from __future__ import annotations

import math
from collections.abc import Iterator

from aiwatch import names
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.strength import strength
from aiwatch.detect.situation import Situation
from aiwatch.report.numbers import percent

_CHANCES = 3000  # windows of a season: this is looked at in each, whatever the verdict
_SAMPLED = 16  # different rows at least
_REPEATED = 0.05  # points more of rows that repeat another one
_ORDINARY = 0.3  # share of repeating rows from which on repeating says nothing
_RATIO = 1.5  # of rows to the usual number


def repeated(situation: Situation) -> Iterator[Sign]:
    """Yield whether whole rows repeat, which they did not."""
    (rows, different), before = situation.repeats
    usual = _expected(situation.baseline.repeats, situation.now.rows)
    if before[0]:
        usual = max(usual, 1 - before[1] / before[0])
    if different < _SAMPLED or usual > _ORDINARY:
        return
    is_ = 1 - different / rows
    error = math.sqrt(max(usual, 0.02) / different)
    size = strength(is_ - usual, _REPEATED, error, _CHANCES)
    yield Sign("repeated", size, f"{percent(is_)} of rows repeat another one, {percent(usual)} usually do")


def volume(situation: Situation) -> Iterator[Sign]:
    """Yield whether there are many more or many fewer rows than usual."""
    finding = next((each for each in situation.findings if each.feature == names.VOLUME), None)
    expected, rows = situation.expected_rows, situation.now.rows
    if expected:
        away = abs(math.log(max(rows, 0.5) / expected))
        size = strength(away, math.log(_RATIO), situation.rows_vary)
        yield Sign("volume", size, f"{rows} rows, {expected:.0f} usually", (names.VOLUME,))
    if finding is not None:
        yield Sign("volume", float(finding.drifted), finding.how or "another number of rows", (names.VOLUME,))


def _expected(of_a_thousand: float, rows: int) -> float:
    """Return the share that is usual among so many rows, if it is that among a thousand."""
    return min(1.0, of_a_thousand * max(rows, 1) / 1000)
