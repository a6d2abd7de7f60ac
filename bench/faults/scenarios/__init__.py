"""The faults, one file for each sort, registered here in the order of the table."""

from __future__ import annotations

from bench.faults.fault import Fault
from bench.faults.scenarios import checkpoint, clock, corrupt, disk, elasticsearch, killed, posted, rotation, second

FAULTS: tuple[Fault, ...] = (
    *killed.FAULTS,
    *elasticsearch.FAULTS,
    *disk.FAULTS,
    *clock.FAULTS,
    *rotation.FAULTS,
    *posted.FAULTS,
    *second.FAULTS,
    *corrupt.FAULTS,
    *checkpoint.FAULTS,
)
