"""What the service asks of those who judge a window and those who explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result


class Judge(Protocol):
    """Judges the windows of one process, one after the other, by what it remembers of those before."""

    def judge(self, memory: bytes, window: Profile) -> tuple[bytes, Result]:
        """Return what to remember after a window, and what was found; the same input gives the same output.

        Args:
            memory: what was returned for the window before; empty for the first one.
            window: all of its predictions, which may be none.
        """

    def wants_explaining(self, result: Result, window: Sequence[Profile]) -> bool:
        """Tell whether something is to be explained: what drifted, or what the verdict does not look at.

        Args:
            result: of the window.
            window: its predictions, one profile for each hour and model version.
        """

    def explain(self, result: Result, windows: Sequence[Profile], upstream: Mapping[str, Result]) -> Result:
        """Return the result with causes, text and report.

        Args:
            result: of the newest window.
            windows: up to that one, in the order of time, one for each hour and model version.
            upstream: the newest result of each process that this one depends on.
        """
