"""Checkpoints of version 1, which held a table for each kind of thing: they are read and never written."""

from __future__ import annotations

import sqlite3

import msgspec

from aiwatch.ingest.commit import Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.image import DamagedError
from aiwatch.ingest.state import Series
from aiwatch.kinds.base import Histogram

TABLES = ("positions", "series", "sessions", "joins", "facts")


def read_version_1(db: sqlite3.Connection) -> Commit:
    """Return everything that a checkpoint of version 1 holds.

    Raises:
        DamagedError: some of it cannot be read.
    """
    unpack = msgspec.msgpack.decode
    found = Commit()
    try:
        for (blob,) in db.execute("SELECT position FROM positions"):
            position = unpack(blob, type=Position)
            found.positions[position.stream] = position
        series = {}
        for key, born, blob in db.execute("SELECT key, born, value FROM series"):
            name, *labels = unpack(key, type=list[str])
            series[name, tuple(labels)] = Series(unpack(blob, type=float | Histogram), born)
        found.series = series
        for process, session, seen in db.execute("SELECT process, session, last_seen FROM sessions"):
            found.sessions.setdefault(process, {})[session] = seen
        found.joins = [unpack(blob, type=Join) for (blob,) in db.execute("SELECT patch FROM joins")]
        facts = dict(db.execute("SELECT name, value FROM facts").fetchall())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedError(str(error)) from None
    found.dead_letter_bytes = facts.get("dead_letter_bytes")
    found.shown_until = facts.get("shown_until")
    return found
