"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "unknown", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was seen, and what to do.

    >>> print(Finding("disk", "error", "1 GiB is free", "make room"))
    error    disk: 1 GiB is free
             -> make room
    """

    title: str
    level: Level
    seen: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding for a person: one line, and what to do on the next."""
        remedy = f"\n{'':9}-> {self.remedy}" if self.remedy else ""
        return f"{self.level:8} {self.title}: {self.seen}{remedy}"
