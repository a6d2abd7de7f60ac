"""Whether the change coincides with a new version of the model."""

from __future__ import annotations

from collections.abc import Iterator

from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.situation import Situation
from aiwatch.report.numbers import percent

_ENOUGH = 0.05  # share of rows


def new_version(situation: Situation) -> Iterator[Sign]:
    """Yield whether there are rows of a version that was not there before the change."""
    now, before = situation.versions
    known = set(before) or ({situation.baseline.model_version} if situation.baseline.model_version else set())
    if not now or not known:
        return
    new = {version: rows for version, rows in now.items() if version not in known}
    share = sum(new.values()) / max(1, sum(now.values()))
    named = [", ".join(sorted(versions)) for versions in (new, known)]
    text = f"version {named[0]} answers {percent(share)} of requests, before it was {named[1]}"
    yield Sign("new_version", min(1.0, share / _ENOUGH), text)
