"""Runs that take turns, so that whatever else the machine does hits every side alike, and what they come to."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
HERTZ = os.sysconf("SC_CLK_TCK")


@contextmanager
def on_one_core(core: int = 0) -> Iterator[None]:
    """Keep this process, and what it starts, on one core."""
    os.sched_setaffinity(0, {CORES[core % len(CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def take_turns(sides: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Call every side ``turns`` times, each turn beginning with another one; return the CPU seconds of each call.

    What is compared here never waits, and CPU time is the same when something else wants the core too.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for _ in range(turns):
        for name in order:
            start = time.process_time()
            sides[name]()
            times[name].append(time.process_time() - start)
        order = order[1:] + order[:1]
    return times


def ratio(over: list[float], under: list[float]) -> float:
    """Return the median over the turns of the quotient of two sides."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a running process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def cpu_of_children() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
