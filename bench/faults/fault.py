"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.faults.rig import Rig


class SkippedError(Exception):
    """The fault cannot be injected on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        name: of the process whose log is read, and of the folder.
        title: in the table.
        inject: does the harm as often as it is told, and returns how often it did. The verdict follows.
        times: how often in a full run.
        short: how often in the short run; 0 leaves the fault out of it.
    """

    name: str
    title: str
    inject: Callable[[Rig, int], int]
    times: int
    short: int = 0
