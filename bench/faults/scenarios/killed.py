"""The exporter is killed: at random moments, and at chosen ones in and around the checkpoint's transaction."""

from __future__ import annotations

import random

from bench.faults.exporter import BESIDE, INSIDE
from bench.faults.fault import Fault
from bench.faults.rig import Rig, RigError

_KILLED = -9
_WHILE_STARTING = 8  # one kill in so many comes before the exporter is up


def at_random_moments(rig: Rig, times: int) -> int:
    """Kill it while it starts, reads, sends, commits or waits."""
    chance = random.Random(11)
    rig.write(300)
    for number in range(times):
        if number % _WHILE_STARTING == 0:
            rig.spawn()
            rig.feed(chance.uniform(0.3, 1.5), lines=1)
        else:
            rig.start()
            rig.feed(chance.uniform(0.02, 0.5))
        rig.strike()
    return times


def in_the_transaction(rig: Rig, times: int) -> int:
    """Kill it within the checkpoint's transaction."""
    return _at_points(rig, times, INSIDE)


def beside_the_transaction(rig: Rig, times: int) -> int:
    """Kill it when documents are stored and nothing is committed, and when that has just been done."""
    return _at_points(rig, times, BESIDE)


def _at_points(rig: Rig, times: int, points: tuple[str, ...]) -> int:
    chance = random.Random(12)
    rig.write(300)
    for number in range(times):
        point = points[number % len(points)]
        delay = f":{chance.uniform(0, 0.004):.6f}" if point == "committing" else ""
        rig.spawn(fault=f"{point}:{chance.randint(1, 5)}{delay}")
        if not rig.feed(30, lines=2, until=lambda: not rig.running) or rig.ended() != _KILLED:
            raise RigError(f"the exporter did not die at {point}: {rig.said()[-500:]}")
    return times


FAULTS = (
    Fault("kill-9", "kill -9 at random moments", at_random_moments, 110, 4),
    Fault("kill-9-inside", "kill -9 inside the checkpoint's transaction", in_the_transaction, 70, 4),
    Fault("kill-9-beside", "kill -9 right before or after it", beside_the_transaction, 20),
)
