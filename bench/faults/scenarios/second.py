"""Another exporter is started on the same state."""

from __future__ import annotations

from bench.faults.fault import Fault
from bench.faults.rig import Rig, RigError


def second(rig: Rig, times: int) -> int:
    """Start another one, which must refuse."""
    rig.start()
    for _ in range(times):
        rig.feed(0.2)
        other = rig.run("export", *rig.arguments, "--listen=127.0.0.1:0")
        if other.returncode != 1 or "in use by another exporter" not in other.stderr:
            raise RigError(f"the second exporter ended with {other.returncode}: {other.stderr[-500:]}")
    return times


FAULTS = (Fault("second", "a second exporter on the same state", second, 3),)
