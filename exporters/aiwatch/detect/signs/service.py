"""Whether the service that answers got slower or fails."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.strength import share_error, strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import LATENCY_BOUNDS
from aiwatch.report.numbers import percent

_CHANCES = 3000  # windows of a season: this is looked at in each, whatever the verdict
_SLOW = 0.1  # share of the former answers that count as slow
_MORE_SLOW = 0.15  # points more of them matter
_MORE_ERRORS = 0.01


def service(situation: Situation) -> Iterator[Sign]:
    """Yield whether answers got slower or errors more frequent since the windows before the change."""
    before, now = situation.before, situation.now
    if before is None or not before.rows or not now.rows:
        return
    was, is_ = before.errors / before.rows, now.errors / now.rows
    size = strength(is_ - was, _MORE_ERRORS + was, share_error(is_, now.rows, was, before.rows), _CHANCES)
    yield Sign("errors", size, f"{percent(is_)} of predictions failed, was {percent(was)}")
    timed, before_timed = sum(now.latency), sum(before.latency)
    if not timed or not before_timed:
        return
    ends = list(accumulate(before.latency))
    place = next(place for place, end in enumerate(ends) if end >= (1 - _SLOW) * before_timed)
    place = min(place, len(LATENCY_BOUNDS) - 1)
    was, is_ = 1 - ends[place] / before_timed, 1 - sum(now.latency[: place + 1]) / timed
    size = strength(is_ - was, _MORE_SLOW, share_error(is_, timed, was, before_timed), _CHANCES)
    bound = LATENCY_BOUNDS[place]
    yield Sign("latency", size, f"{percent(is_)} of answers took longer than {bound:g} s, was {percent(was)}")
