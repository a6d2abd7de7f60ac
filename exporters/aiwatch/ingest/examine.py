"""Looks at a checkpoint while no exporter holds it: what is in it, and whether it is sound. Nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from aiwatch.ingest.checkpoint import FILE_NAME, hold, open_checked, read_changes
from aiwatch.ingest.commit import CheckpointError
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.dead_letters import FILE_NAME as DEAD_LETTERS
from aiwatch.ingest.dead_letters import DeadLettersError, read
from aiwatch.ingest.image import DamagedError, Image
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
            image = Image.of(read_changes(db, path))
        except (DamagedError, sqlite3.DatabaseError) as error:
            found.problems.append(str(error))
        else:
            _look_at(image, found)
            _read_letters(folder, image.dead_letter_bytes, found)
    return found


def _look_at(image: Image, found: Examination) -> None:
    for stream, position in image.positions.items():
        if position.stream != stream:
            found.problems.append(f"the position of stream {stream} is that of {position.stream}")
        found.places.append(Place(position, compare(position)))
    for (name, labels), series in image.series.items():
        held = series.value
        if isinstance(held, Histogram) and len(held.counts) != len(held.bounds) + 1:
            buckets = f"{len(held.counts)} buckets for {len(held.bounds)} bounds"
            found.problems.append(f"the histogram {name} of {', '.join(labels)} has {buckets}")
    found.series = len(image.series)
    found.sessions = sum(map(len, image.sessions.values()))
    found.joins = len(image.joins)
    found.profiles = len(image.profiles)
    for part, kept in image.profiles.items():
        try:
            profile_of(kept.document)
        except DamagedProfileError as error:
            found.problems.append(f"the profile {part} cannot be read: {error}")


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
            if continues(position, log, position.path):
                left = log.unread(position.offset)
                return "all read" if not left else f"{left:,} bytes to be read"
            shorter = not log.compressed and log.stat().st_size < position.offset
    except FileNotFoundError:
        return "not there now" + (", all read" if position.finished else ": looked for beside it by its content")
    except OSError as error:
        return f"cannot be read now: {error.strerror}"
    held = "fewer bytes than were read" if shorter else "other lines"
    return f"holds {held}: looked for beside it by its content, and what is there is read from its start"
