"""Which windows a model should not learn from: those that drifted, from the estimated beginning of the change on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from aiwatch import names
from aiwatch.respond.trail import Window


class Change(msgspec.Struct, frozen=True):
    """What is read of a finding: whether the feature drifted, and in which window that began as estimated."""

    drifted: bool = False
    since: datetime | None = None


class WindowResult(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of the result of one tested window."""

    start: datetime = msgspec.field(name=names.TIMESTAMP)
    end: datetime
    state: str
    model_version: str | None = None
    findings: tuple[Change, ...] = ()

    @property
    def since(self) -> datetime:
        """When the change began that this window shows."""
        return min([self.start, *(each.since for each in self.findings if each.drifted and each.since)])


class Windows(Protocol):
    """Finds the results of tested windows."""

    def find(self, process: str, around: datetime) -> Sequence[WindowResult]:
        """Return the results of a process, from well before ``around`` on, oldest first.

        Raises:
            aiwatch.respond.store.StoreError: they cannot be read now.
        """


def concerned(results: Sequence[WindowResult], alert_since: datetime, after: datetime | None = None) -> list[Window]:
    """Return the windows that an alert concerns; without any result that drifted: all from the alert on.

    These are the windows that drifted up to the alert without a good one in between, all that drifted after it, and
    those between the estimated beginning of a change and the window that showed it.

    Args:
        results: of one process, oldest first.
        alert_since: when the alert began to fire.
        after: when a person last said that the model may learn again: what ended before then was decided upon.

    >>> from datetime import UTC
    >>> def hour(h, state): return WindowResult(start=datetime(2026, 3, 1, h, tzinfo=UTC),
    ...     end=datetime(2026, 3, 1, h + 1, tzinfo=UTC), state=state)
    >>> results = [hour(3, "drift"), hour(4, "ok"), hour(5, "drift"), hour(6, "drift"), hour(7, "ok")]
    >>> [window.start.hour for window in concerned(results, datetime(2026, 3, 1, 6, 30, tzinfo=UTC))]
    [5, 6]
    """
    results = [result for result in results if after is None or result.end > after]
    first = sum(1 for result in results if result.end <= alert_since)  # those that can have set it off
    while first > 0 and results[first - 1].state != "ok":
        first -= 1
    drifted = [result for result in results[first:] if result.state == "drift"]
    if not drifted:
        return [Window(start=alert_since)]
    return [
        Window(result.start, result.end, result.model_version)
        for result in results
        if any(each.since <= result.start <= each.start for each in drifted)
    ]


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return windows as few ranges, per model version, oldest first.

    >>> from datetime import UTC
    >>> def at(h): return datetime(2026, 3, 1, h, tzinfo=UTC)
    >>> for each in merged([Window(at(1), at(2), "7"), Window(at(5), None, "7"), Window(at(2), at(3), "7")]):
    ...     print(f"{each.start:%H} {each.end and each.end.hour} {each.model_version}")
    01 3 7
    05 None 7
    """
    ranges: list[Window] = []
    for window in sorted(windows, key=lambda each: (each.model_version or "", each.start)):
        last = ranges[-1] if ranges else None
        if last and last.model_version == window.model_version and (last.end is None or window.start <= last.end):
            end = max(last.end, window.end) if last.end and window.end else None
            ranges[-1] = Window(last.start, end, last.model_version)
        else:
            ranges.append(window)
    return sorted(ranges, key=lambda each: (each.start, each.model_version or ""))
