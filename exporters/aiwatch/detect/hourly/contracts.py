"""What the service asks of who judges its windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result

Past = Callable[[datetime], Sequence[Profile]]
"""A time -> the profiles from well before it up to the window that is judged, in the order of time."""


class Judge(Protocol):
    """Judges the windows of one process, one after the other, by what it remembers of those before."""

    def judge(
        self, memory: bytes, window: Profile, parts: Sequence[Profile], past: Past, upstream: Mapping[str, Result]
    ) -> tuple[bytes, Result]:
        """Return what to remember after a window, and what was found, explained; the same input gives the same output.

        Args:
            memory: what was returned for the window before; empty for the first one.
            window: all of its predictions, which may be none.
            parts: the same, one profile for each hour and model version.
            past: reads what a change is explained by.
            upstream: the newest result of each process that this one depends on.
        """
