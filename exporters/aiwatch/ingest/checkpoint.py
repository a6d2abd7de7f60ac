"""What has been delivered: positions in the logs and the metrics, committed together in one SQLite transaction."""

from __future__ import annotations

import fcntl
import logging
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TextIO

import msgspec

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.dead_letters import FILE_NAME as DEAD_LETTERS
from aiwatch.ingest.profile_rows import SCHEMA as PROFILES
from aiwatch.ingest.profile_rows import read_profiles, write_profiles
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.state import Key, Series
from aiwatch.kinds.base import Histogram

FILE_NAME = "checkpoint.sqlite"
_LOG = logging.getLogger(__name__)
_VERSION = 1
_CACHE_KIB = 16_000  # about what 100,000 series take
_LOG_PAGES = 8_000  # of 4 KiB, before they are moved into the file
# Primary codes of SQLite that speak of the disk or of rights, not of what the file holds.
_AROUND_THE_FILE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_SCHEMA = """
CREATE TABLE positions (stream TEXT PRIMARY KEY, source TEXT NOT NULL, position BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE series (key BLOB PRIMARY KEY, born REAL NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (process TEXT NOT NULL, session TEXT NOT NULL, last_seen REAL NOT NULL,
                       PRIMARY KEY (process, session)) WITHOUT ROWID;
CREATE TABLE joins (feedback TEXT PRIMARY KEY, since REAL NOT NULL, patch BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value NUMERIC NOT NULL) WITHOUT ROWID;
"""


class CheckpointError(Exception):
    """The checkpoint cannot be used; the message says what to do."""


class Join(msgspec.Struct, frozen=True):
    """Feedback that still has to be put onto its interaction."""

    feedback: str
    interaction: str
    patch: dict[str, Any]
    since: float


class Commit(msgspec.Struct):
    """Everything that changes together: what one delivered batch brings, or housekeeping.

    ``sessions`` and ``forgotten_sessions`` are by process; the latter holds the epoch seconds before which sessions
    are dropped. ``shown_until`` is up to which birth the metrics' series were shown with their values.
    ``forgotten_profiles`` are parts.
    """

    positions: dict[str, Position] = {}
    forgotten_streams: list[str] = []
    series: Mapping[Key, Series] = {}
    sessions: dict[str, dict[str, float]] = {}
    forgotten_sessions: dict[str, float] = {}
    joins: list[Join] = []
    joined: list[str] = []
    dead_letter_bytes: int | None = None
    shown_until: float | None = None
    profiles: Sequence[HeldProfile] = ()
    forgotten_profiles: Sequence[str] = ()


class CheckpointStore(Protocol):
    """Remembers what has been delivered. This is all that a pipeline asks of it."""

    def positions(self, source: str) -> list[Position]:
        """Return the positions of the streams of a source."""

    def series(self) -> Iterator[tuple[Key, Series]]:
        """Return every series."""

    def sessions(self, process: str) -> dict[str, float]:
        """Return the open sessions of a process and the epoch seconds of their newest event."""

    def joins(self) -> list[Join]:
        """Return the feedback that waits for its interaction, oldest first."""

    def profiles(self) -> list[HeldProfile]:
        """Return the profiles of hours that are not yet done with."""

    @property
    def shown_until(self) -> float:
        """Up to which birth (epoch seconds) series were shown with their values."""

    def commit(self, commit: Commit) -> None:
        """Make everything in ``commit`` durable, or nothing of it."""


class Checkpoint:
    """The SQLite file in the state folder. One exporter at a time holds it."""

    def __init__(self, folder: Path) -> None:
        """Open or create the checkpoint in ``folder``.

        Raises:
            CheckpointError: another exporter holds it, it is damaged, or of another version.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._lock = hold(folder)
        try:
            if not self.path.exists():
                _create(self.path)
            self._db = open_checked(self.path)
        except sqlite3.DatabaseError as error:
            self._lock.close()
            raise _unusable(self.path, error) from None
        except BaseException:
            self._lock.close()
            raise

    def positions(self, source: str) -> list[Position]:
        """Return the positions of the streams of a source."""
        rows = self._db.execute("SELECT position FROM positions WHERE source = ?", (source,))
        return [msgspec.msgpack.decode(blob, type=Position) for (blob,) in rows]

    def series(self) -> Iterator[tuple[Key, Series]]:
        """Return every series."""
        for key, born, blob in self._db.execute("SELECT key, born, value FROM series"):
            name, *labels = msgspec.msgpack.decode(key, type=list[str])
            value = msgspec.msgpack.decode(blob, type=float | Histogram)
            yield (name, tuple(labels)), Series(value, born)

    def sessions(self, process: str) -> dict[str, float]:
        """Return the open sessions of a process and the epoch seconds of their newest event."""
        return dict(
            self._db.execute("SELECT session, last_seen FROM sessions WHERE process = ?", (process,)).fetchall()
        )

    def joins(self) -> list[Join]:
        """Return the feedback that waits for its interaction, oldest first."""
        rows = self._db.execute("SELECT patch FROM joins ORDER BY since")
        return [msgspec.msgpack.decode(blob, type=Join) for (blob,) in rows]

    def profiles(self) -> list[HeldProfile]:
        """Return the profiles of hours that are not yet done with."""
        return list(read_profiles(self._db))

    @property
    def dead_letter_bytes(self) -> int:
        """How much of the dead-letter file is committed."""
        return int(self._fact("dead_letter_bytes"))

    @property
    def shown_until(self) -> float:
        """Up to which birth (epoch seconds) series were shown with their values."""
        return float(self._fact("shown_until"))

    def _fact(self, name: str) -> float:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else 0

    def commit(self, commit: Commit) -> None:
        """Write everything in one transaction; it is on disk when this returns.

        Raises:
            sqlite3.OperationalError: it could not be written (disk full); nothing of it was.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._write(commit)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _write(self, commit: Commit) -> None:
        pack = msgspec.msgpack.encode
        write = self._db.executemany
        write(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
            [(p.stream, p.source, pack(p)) for p in commit.positions.values()],
        )
        write("DELETE FROM positions WHERE stream = ?", [(stream,) for stream in commit.forgotten_streams])
        write(
            "INSERT OR REPLACE INTO series VALUES (?, ?, ?)",
            # In the order of their keys neighbours in the file are written together.
            sorted(
                (pack([name, *labels]), held.born, pack(held.value)) for (name, labels), held in commit.series.items()
            ),
        )
        write(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)",
            [(process, *seen) for process, touched in commit.sessions.items() for seen in touched.items()],
        )
        write("DELETE FROM sessions WHERE process = ? AND last_seen < ?", commit.forgotten_sessions.items())
        write(
            "INSERT OR REPLACE INTO joins VALUES (?, ?, ?)",
            [(join.feedback, join.since, pack(join)) for join in commit.joins],
        )
        write("DELETE FROM joins WHERE feedback = ?", [(feedback,) for feedback in commit.joined])
        write_profiles(self._db, commit.profiles, commit.forgotten_profiles)
        facts = {"dead_letter_bytes": commit.dead_letter_bytes, "shown_until": commit.shown_until}
        write(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)",
            [(name, value) for name, value in facts.items() if value is not None],
        )

    def close(self) -> None:
        """Close the file and let another exporter have it."""
        self._db.close()
        self._lock.close()

    def __enter__(self) -> Checkpoint:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def hold(folder: Path) -> TextIO:
    """Return the lock of a state folder; whoever has it open is alone with the folder.

    Raises:
        CheckpointError: an exporter, or another command, has it.
    """
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CheckpointError(f"{folder} is in use by another exporter: stop it, or name another --state") from None
    return lock


def open_checked(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the checkpoint at ``path``, once its version and its structure are found right.

    Raises:
        CheckpointError: it is damaged, of another version, or cannot be opened.
    """
    try:
        return _open(path, read_only)
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from None


def move_away(folder: Path, now: datetime) -> Path:
    """Move the checkpoint and the dead letters in a state folder into a new folder within it, and return that.

    The dead letters go with it because the checkpoint says which of them count.

    Raises:
        CheckpointError: it is in use, or there is none.
        OSError: something could not be moved; running it again is safe.
    """
    with hold(folder):
        path = folder / FILE_NAME
        if not path.exists():
            raise CheckpointError(f"there is no checkpoint in {folder}: nothing has to be reset")
        place = folder / f"checkpoint-{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
        place.mkdir()
        log = path.with_name(f"{FILE_NAME}-wal")
        if log.exists():
            shutil.copy2(log, place)  # it is a part of the checkpoint, and must never be missing beside it
        path.rename(place / FILE_NAME)
        _forget_leftovers(path)
        letters = folder / DEAD_LETTERS
        if letters.exists():
            shutil.move(letters, place / DEAD_LETTERS)
    return place


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _unusable(path: Path, error: sqlite3.DatabaseError) -> CheckpointError:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _AROUND_THE_FILE:
        return CheckpointError(
            f"{path} cannot be opened ({_in_one_line(error)}); nothing was read. "
            "Make room on its disk, and let the exporter's user read and write it"
        )
    return CheckpointError(
        f"{path} cannot be used ({_in_one_line(error)}); nothing was read. Restore it from a backup, and look at it "
        f"with `aiwatch checkpoint verify --state {path.parent}`. Without it all logs are read from their beginning "
        f"and the counters start again at 0: if that is wanted, `aiwatch checkpoint reset --state {path.parent}` "
        "moves it away"
    )


def _create(path: Path) -> None:
    """Make an empty checkpoint under another name first: one that is there but empty is always a damaged one."""
    _forget_leftovers(path)
    letters = path.with_name(DEAD_LETTERS)
    if letters.exists() and letters.stat().st_size:
        kept = letters.with_name(f"{letters.stem}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}{letters.suffix}")
        letters.rename(kept)  # they belong to a checkpoint that was moved away; this one would cut them off
        _LOG.warning("the dead letters of an earlier checkpoint are kept as %s", kept)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    db = sqlite3.connect(part, isolation_level=None)
    try:
        db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT")
    finally:
        db.close()
    part.rename(path)


def _forget_leftovers(path: Path) -> None:
    """Remove what SQLite left beside a checkpoint that was moved away."""
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    # One thread at a time uses it, but not always the one that opened it.
    db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise CheckpointError(
                f"{path} has version {version}, this aiwatch writes {_VERSION}: run the aiwatch that wrote it"
            )
        if version != _VERSION:
            raise sqlite3.DatabaseError("it is empty or not a checkpoint")
        if not read_only:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(PROFILES)
        db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise sqlite3.DatabaseError(health)
    except BaseException:
        db.close()
        raise
    return db
