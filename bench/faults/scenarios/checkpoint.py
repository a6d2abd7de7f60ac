"""The checkpoint is damaged, noticed, and restored."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.faults.fault import Fault
from bench.faults.rig import Rig, RigError


def _in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12288] = os.urandom(8192)
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: tuple[Callable[[Path], None], ...] = (_in_the_middle, _empty, _half)


def damaged(rig: Rig, times: int) -> int:
    """Damage the checkpoint: the exporter and ``verify`` must refuse it, leave it as it is, and name the way out."""
    checkpoint = rig.state / "checkpoint.sqlite"
    verify = ("checkpoint", "verify", f"--state={rig.state}")
    for number in range(times):
        rig.start()
        rig.feed(0.5)
        rig.catch_up()
        rig.stop()
        sound = rig.run(*verify)
        if sound.returncode or "is sound" not in sound.stdout:
            raise RigError(f"verify ended with {sound.returncode}: {sound.stdout}{sound.stderr}")
        backup = shutil.copy(checkpoint, rig.folder / "backup")
        DAMAGES[number % len(DAMAGES)](checkpoint)
        content = checkpoint.read_bytes()
        rig.spawn()
        said = f"ended with {rig.ended()}: {rig.said()}"
        if "ended with 1:" not in said or "aiwatch checkpoint verify" not in said or "checkpoint reset" not in said:
            raise RigError(f"on a damaged checkpoint the exporter {said}")
        if rig.run(*verify).returncode != 1 or checkpoint.read_bytes() != content:
            raise RigError("verify finds nothing wrong, or changes something")
        rig.write(20)
        shutil.copy(backup, checkpoint)
    return times


FAULTS = (Fault("checkpoint", "checkpoint damaged, refused and restored", damaged, 3),)
