"""The log is rotated by every method, while the exporter is killed."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from aiwatch.ingest.sources.compressed import zstd
from bench.faults.fault import Fault
from bench.faults.rig import Rig

ONLY_THE_LOG, WITH_ROTATED = "chat.jsonl", "chat.jsonl*"

Method = Callable[[Rig], None]


def storm(rotate: Method, pattern: str, rig: Rig, times: int) -> int:
    """Rotate while the exporter runs or lies dead, whether it has read the log to its end or not.

    Where ``pattern`` does not find the rotated files, each file must have been seen once: one that was written and
    rotated away while the exporter lay dead is nobody's.
    """
    chance = random.Random(14)
    rig.watch(pattern)
    rig.write(10)
    for _ in range(times):
        if not rig.running:
            rig.start()
        if pattern == ONLY_THE_LOG:
            rig.catch_up()
        rig.feed(chance.uniform(0.05, 0.4))
        if chance.random() < 0.5:
            rig.strike()
            rig.write(30)
        rotate(rig)
        rig.write(chance.randint(1, 60))
        _strike_perhaps(rig, chance)
    return times


def overwriting(rotate: Method, rig: Rig, times: int) -> int:
    """Rotate by a method that leaves the lines nowhere, once they have been read; kill the exporter around that."""
    chance = random.Random(15)
    for _ in range(times):
        if not rig.running:
            rig.start()
        rig.feed(chance.uniform(0.05, 0.4))
        rig.catch_up()
        if chance.random() < 0.3:
            rig.strike()
        rotate(rig)
        rig.write(chance.randint(1, 60))
        _strike_perhaps(rig, chance)
    return times


def _strike_perhaps(rig: Rig, chance: random.Random) -> None:
    if rig.running and chance.random() < 0.5:
        rig.feed(chance.uniform(0, 0.3))
        rig.strike()


def rename(rig: Rig) -> None:
    """Rename the log to .1, after the older ones moved up by one."""
    older = sorted(rig.log.parent.glob(f"{rig.log.name}.*"), key=_number, reverse=True)
    for path in older:
        path.rename(path.with_name(f"{rig.log.name}.{_number(path) + 1}"))
    rig.log.rename(rig.log.with_name(f"{rig.log.name}.1"))


def gzipped(rig: Rig) -> None:
    """Rename the log, and compress it by gzip."""
    _compress(rig, ".gz", gzip.open)


def zstandard(rig: Rig) -> None:
    """Rename the log, and compress it by zstd."""
    _compress(rig, ".zst", zstd.open)


def _compress(rig: Rig, ending: str, open_archive: Callable[[str, str], Any]) -> None:
    """Compress in two steps, as a look at it may fall between them."""
    number = len(list(rig.log.parent.iterdir()))
    plain = rig.log.with_name(f"{rig.log.name}-{number:04d}")
    rig.log.rename(plain)
    content = plain.read_bytes()
    with open_archive(f"{plain}{ending}", "wb") as archive:
        archive.write(content[: len(content) // 2])
        archive.flush()
        rig.write(5)
        archive.write(content[len(content) // 2 :])
    plain.unlink()


def copy_and_truncate(rig: Rig) -> None:
    """Copy the log, and truncate it."""
    number = len(list(rig.log.parent.iterdir()))
    shutil.copy(rig.log, rig.log.with_name(f"{rig.log.name}.{number}"))
    os.truncate(rig.log, 0)


def truncate(rig: Rig) -> None:
    """Truncate the log."""
    os.truncate(rig.log, 0)


def delete(rig: Rig) -> None:
    """Delete the log, which the chatbot creates again: file systems often give it the same inode."""
    rig.log.unlink()


def switch_link(rig: Rig) -> None:
    """Let the log, a link, lead to the next file."""
    data = rig.folder / "data"
    data.mkdir(exist_ok=True)
    if not rig.log.is_symlink():
        rig.log.rename(data / "0000.jsonl")
    target = data / f"{len(list(data.iterdir())):04d}.jsonl"
    target.touch()
    part = rig.log.with_name(".link")
    part.symlink_to(target)
    part.rename(rig.log)


def _number(path: Path) -> int:
    return int(path.suffix[1:])


def _storm(rotate: Method, pattern: str) -> Callable[[Rig, int], int]:
    return partial(storm, rotate, pattern)


FAULTS = (
    Fault("rotate-rename", "renamed, while killed", _storm(rename, ONLY_THE_LOG), 8, 2),
    Fault("rotate-renames", "renamed, rotated files in the pattern", _storm(rename, WITH_ROTATED), 10),
    Fault("rotate-gzip", "renamed and gzipped, while killed", _storm(gzipped, ONLY_THE_LOG), 8),
    Fault("rotate-gzips", "renamed and gzipped, in the pattern", _storm(gzipped, WITH_ROTATED), 10),
    Fault("rotate-zstd", "renamed and zstd, while killed", _storm(zstandard, ONLY_THE_LOG), 8),
    Fault("rotate-zstds", "renamed and zstd, in the pattern", _storm(zstandard, WITH_ROTATED), 10),
    Fault("rotate-copy", "copied and truncated, while killed", _storm(copy_and_truncate, ONLY_THE_LOG), 8),
    Fault("rotate-copies", "copied and truncated, in the pattern", _storm(copy_and_truncate, WITH_ROTATED), 10),
    Fault("rotate-link", "link switched, while killed", _storm(switch_link, ONLY_THE_LOG), 8),
    Fault("rotate-truncate", "truncated once read, while killed", partial(overwriting, truncate), 8),
    Fault("rotate-delete", "deleted once read, while killed", partial(overwriting, delete), 8),
)
