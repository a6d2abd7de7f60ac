"""The disk under the state is full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.faults.fault import Fault, SkippedError
from bench.faults.rig import Rig, RigError

_COMPLAINT = "cannot write the state"


def under_the_checkpoint(rig: Rig, times: int) -> int:
    """Fill the disk that the state folder is on."""
    _mount(rig, rig.state, "12m")
    return _fill(rig, times, rig.state)


def under_the_dead_letters(rig: Rig, times: int) -> int:
    """Fill the disk that only the dead letters are on."""
    folder = rig.folder / "letters"
    _mount(rig, folder, "256k")
    rig.state.mkdir()
    (rig.state / "dead-letters.ndjson").symlink_to(folder / "dead-letters.ndjson")
    return _fill(rig, times, folder)


def _fill(rig: Rig, times: int, folder: Path) -> int:
    ballast = folder / "ballast"
    rig.start()
    for number in range(times):
        rig.feed(0.3)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        said = rig.said().count(_COMPLAINT)
        if not rig.feed(60, lines=20, until=partial(_complained, rig, said)):
            raise RigError("the exporter went on though its disk is full")
        if number % 2:
            rig.strike()
            rig.spawn()  # it either waits for room or ends with an error: both are well, as nothing is lost
            rig.feed(2.5, lines=1)
            rig.kill()
        ballast.unlink()
        if not rig.running:
            rig.start()
        rig.catch_up()
    return times


def _complained(rig: Rig, before: int) -> bool:
    return rig.said().count(_COMPLAINT) > before


def _mount(rig: Rig, folder: Path, size: str) -> None:
    """Mount a small disk, until the rig is done with."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    unmount: Callable[[], object] = partial(subprocess.run, ["umount", str(folder)], check=True)
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise SkippedError("only root can make a small disk")
    rig.stack.callback(unmount)


FAULTS = (
    Fault("disk-checkpoint", "disk full under the checkpoint", under_the_checkpoint, 4, 1),
    Fault("disk-letters", "disk full under the dead letters", under_the_dead_letters, 4),
)
