"""Whether something that this process depends on drifted first, and whether the change came slowly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.situation import Situation
from aiwatch.profiles.result import Result

_FADES = timedelta(days=7)  # after which a drift upstream counts half: batches of a day may lie two days apart
_TOGETHER = timedelta(hours=1)  # is still before: windows are no finer


def upstream_first(situation: Situation) -> Iterator[Sign]:
    """Yield whether a process upstream has drifted since no later than this one."""
    yield Sign("upstream_first", 0.0)
    since = situation.since or situation.now.start
    for name, result in situation.upstream.items():
        begun = _since(result)
        if result.state == "drift" and begun <= since + _TOGETHER / 2:
            text = f"{name} has drifted since {begun:%Y-%m-%d %H:%M} UTC"
            yield Sign("upstream_first", 0.5 ** ((since - begun) / _FADES) if begun < since else 1.0, text, ())


def gradual(situation: Situation) -> Iterator[Sign]:
    """Yield whether the features that drifted slid rather than jumped."""
    told = [(each.evidence, each.sudden) for each in situation.findings if each.drifted and each.sudden is not None]
    whole = sum(evidence for evidence, _ in told)
    if whole > 0:
        slowly = sum(evidence for evidence, sudden in told if not sudden) / whole
        yield Sign("gradual", slowly, "it came slowly")


def _since(result: Result) -> datetime:
    return min((each.since for each in result.findings if each.drifted and each.since), default=result.time)
