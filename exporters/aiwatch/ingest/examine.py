"""Looks at a checkpoint while no exporter holds it: what is in it, and whether it is sound. Nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from aiwatch.ingest.checkpoint import FILE_NAME, CheckpointError, Join, hold, open_checked
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.dead_letters import FILE_NAME as DEAD_LETTERS
from aiwatch.ingest.dead_letters import DeadLettersError, read
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.sources.opened import open_log
from aiwatch.ingest.sources.stream import continues
from aiwatch.kinds.base import Histogram
from aiwatch.profiles.document import DamagedProfileError, profile_of

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """How far one log was delivered, and how that goes with the file that is there now, in words."""

    position: Position
    words: str


@dataclass(slots=True)
class Examination:
    """What a checkpoint holds. ``problems`` is empty when it is sound; ``notes`` are no reason to worry."""

    path: Path
    places: list[Place] = field(default_factory=list)
    series: int = 0
    sessions: int = 0
    joins: int = 0
    profiles: int = 0
    dead_letters: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(folder: Path) -> Examination:
    """Return what the checkpoint in ``folder`` holds.

    Raises:
        CheckpointError: there is none, it is in use, or so damaged that it cannot be opened.
    """
    path = folder / FILE_NAME
    if not path.exists():
        raise CheckpointError(
            f"there is no checkpoint in {folder}: name the exporter's state folder with --state. "
            "An exporter that finds none reads all logs from their beginning"
        )
    found = Examination(path)
    with hold(folder), closing(open_checked(path, read_only=True)) as db:
        for (words,) in db.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})").fetchall():
            if words != "ok":
                found.problems.append(words)
        try:
            _read_positions(db, found)
            _read_series(db, found)
            (found.sessions,) = db.execute("SELECT count(*) FROM sessions WHERE last_seen >= 0").fetchone()
            for _, _, patch in _rows(db, "joins", "feedback, since, patch"):
                found.joins += _decoded(patch, Join, "joins", found) is not None
            _read_profiles(db, found)
            facts = dict(db.execute("SELECT name, value FROM facts").fetchall())
        except sqlite3.DatabaseError as error:
            found.problems.append(str(error))
        else:
            _read_letters(folder, facts.get("dead_letter_bytes", 0), found)
    return found


def _rows(db: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    yield from db.execute(f"SELECT {columns} FROM {table}")


def _decoded(blob: bytes, type_: Any, table: str, found: Examination) -> Any:
    """Return what a blob holds, or None after noting that it cannot be read."""
    try:
        return msgspec.msgpack.decode(blob, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        found.problems.append(f"a row of {table} cannot be read: {error}")
        return None


def _read_positions(db: sqlite3.Connection, found: Examination) -> None:
    for stream, source, blob in _rows(db, "positions", "stream, source, position"):
        position = _decoded(blob, Position, "positions", found)
        if position is None:
            continue
        if (position.stream, position.source) != (stream, source):
            found.problems.append(f"the position of stream {stream} is that of {position.stream}")
        found.places.append(Place(position, compare(position)))


def _read_series(db: sqlite3.Connection, found: Examination) -> None:
    for blob, value in _rows(db, "series", "key, value"):
        key = _decoded(blob, list[str], "series", found)
        held = _decoded(value, float | Histogram, "series", found)
        found.series += key is not None and held is not None
        if isinstance(held, Histogram) and len(held.counts) != len(held.bounds) + 1:
            found.problems.append(f"the histogram {key} has {len(held.counts)} buckets for {len(held.bounds)} bounds")


def _read_profiles(db: sqlite3.Connection, found: Examination) -> None:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'profiles'").fetchone():
        return  # it was written before there were profiles
    for part, blob in _rows(db, "profiles", "part, held"):
        held = _decoded(blob, HeldProfile, "profiles", found)
        if held is None:
            continue
        try:
            profile_of(held.document)
        except DamagedProfileError as error:
            found.problems.append(f"the profile {part} cannot be read: {error}")
        found.profiles += 1


def _read_letters(folder: Path, committed: int, found: Examination) -> None:
    try:
        for _ in read(folder):
            found.dead_letters += 1
    except DeadLettersError as error:
        found.problems.append(str(error))
    except OSError as error:
        found.problems.append(f"the dead letters cannot be read: {error}")
    path = folder / DEAD_LETTERS
    size = path.stat().st_size if path.exists() else 0
    if size < committed:
        found.notes.append(f"{committed - size:,} bytes of dead letters are gone: somebody moved or deleted them")
    elif size > committed:
        found.notes.append(
            f"{size - committed:,} bytes of dead letters were not committed: the exporter writes them again"
        )


def compare(position: Position) -> str:
    """Return, in words, whether the file at the position's path goes on where the position stands."""
    if not position.inode:
        return "not a file: not compared"
    try:
        with closing(open_log(position.path)) as log:
            if continues(position, log):
                left = log.unread(position.offset)
                return "all read" if not left else f"{left:,} bytes to be read"
            shorter = not log.compressed and log.stat().st_size < position.offset
    except FileNotFoundError:
        return "not there now" + (", all read" if position.finished else ": looked for beside it by its content")
    except OSError as error:
        return f"cannot be read now: {error.strerror}"
    held = "fewer bytes than were read" if shorter else "other lines"
    return f"holds {held}: looked for beside it by its content, and what is there is read from its start"
