"""A log whose path in the catalogue changes goes on where it stood: which positions become those of the new path."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterable

import msgspec

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.sources.stream import Key, key_of


def adopt(positions: Iterable[Position], key: str, pattern: str) -> list[Position]:
    """Return those of ``positions`` whose files ``pattern`` finds now, as positions of the source ``key``.

    They are told by inode or name; whether a file still holds what was read is for the source to find out.
    """
    keys: set[Key] = set()
    paths: set[str] = set()
    for path in glob.glob(pattern, recursive=True):
        with contextlib.suppress(OSError):  # gone since it was listed; what cannot be read is reported by the source
            keys.add(key_of(os.stat(path)))
            paths.add(os.path.realpath(path))
    return [
        msgspec.structs.replace(position, source=key)
        for position in positions
        if (position.device, position.inode) in keys or position.path in paths
    ]
