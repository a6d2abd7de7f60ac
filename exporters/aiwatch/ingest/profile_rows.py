"""The profiles in the checkpoint's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from aiwatch.ingest.profiling import HeldProfile

SCHEMA = "CREATE TABLE IF NOT EXISTS profiles (part TEXT PRIMARY KEY, held BLOB NOT NULL)"
"""Made also in a checkpoint that was there before there were profiles."""


def read_profiles(db: sqlite3.Connection) -> Iterator[HeldProfile]:
    """Return every profile."""
    for (blob,) in db.execute("SELECT held FROM profiles ORDER BY part"):
        yield msgspec.msgpack.decode(blob, type=HeldProfile)


def write_profiles(db: sqlite3.Connection, profiles: Iterable[HeldProfile], forgotten: Iterable[str]) -> None:
    """Write profiles, and remove the parts that are forgotten."""
    rows = [(held.document.part, msgspec.msgpack.encode(held)) for held in profiles]
    db.executemany("INSERT OR REPLACE INTO profiles VALUES (?, ?)", rows)
    db.executemany("DELETE FROM profiles WHERE part = ?", [(part,) for part in forgotten])
