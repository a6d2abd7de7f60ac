"""What has been delivered, in one SQLite file: positions in the logs and the metrics, committed together.

Each commit is one row that holds what it changed, so that it costs as much as changed and no more; now and then a row
with everything takes the place of all before it. Read in their order the rows make the whole, which is held in memory.

Each row begins with a checksum of itself and all rows before it, and the number of the last one is noted in a file
beside it: so no damage passes for an older state, not even to SQLite's own log, which SQLite passes over in silence.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from aiwatch.ingest.checkpoint_v1 import TABLES, read_version_1
from aiwatch.ingest.commit import CheckpointError, Commit
from aiwatch.ingest.dead_letters import FILE_NAME as DEAD_LETTERS
from aiwatch.ingest.image import DamagedError, Image, pack, unpack

FILE_NAME = "checkpoint.sqlite"
_LOG = logging.getLogger(__name__)
_VERSION = 3
_LAST = "checkpoint.last"  # the number of the last change; never ahead of what is durable
_DIGITS = 20
_CHECK_BYTES = 4
_LEAST_BYTES = 2**20  # of changes, before everything is written anew
# Primary codes of SQLite that speak of the disk or of rights, not of what the file holds.
_AROUND_THE_FILE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_SCHEMA = "CREATE TABLE changes (number INTEGER PRIMARY KEY, change BLOB NOT NULL)"


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
            try:
                if _version(self._db) != _VERSION:
                    _upgrade(self._db, self.path)
                self.image = Image.of(read_changes(self._db, self.path))
                self._number, self._check = _end(self._db)
                self._whole_bytes, self._changed_bytes = _sizes(self._db)
                self._last = os.fdopen(os.open(self.path.with_name(_LAST), os.O_WRONLY | os.O_CREAT, 0o644), "wb")
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.DatabaseError, DamagedError) as error:
            self._lock.close()
            raise _unusable(self.path, error) from None
        except BaseException:
            self._lock.close()
            raise

    def commit(self, commit: Commit) -> None:
        """Write everything in one transaction; it is on disk when this returns.

        Raises:
            sqlite3.OperationalError: it could not be written (disk full); nothing of it was.
        """
        db = self._db
        change = pack(commit)
        whole = pack(self.image.whole()) if self._changed_bytes >= max(2 * self._whole_bytes, _LEAST_BYTES) else b""
        number, check = self._number, self._check
        db.execute("BEGIN IMMEDIATE")
        try:
            if whole:
                db.execute("DELETE FROM changes")
                number, check = _append(db, whole, number, 0)
            number, check = _append(db, change, number, check)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._number, self._check = number, check
        with contextlib.suppress(OSError):  # the commit is made, and an older number does no harm
            os.pwrite(self._last.fileno(), b"%0*d" % (_DIGITS, number), 0)
        if whole or not self._whole_bytes:
            self._whole_bytes, self._changed_bytes = len(whole or change), 0
        self._changed_bytes += len(change)
        self.image.apply(commit)

    def close(self) -> None:
        """Close the file and let another exporter have it."""
        self._db.close()
        self._last.close()
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


def read_changes(db: sqlite3.Connection, path: Path) -> Iterator[Commit]:
    """Return what the checkpoint at ``path``, of any version, is made of, in order.

    Raises:
        DamagedError: something is missing, or cannot be read.
    """
    version = _version(db)
    if version == 1:
        yield read_version_1(db)
        return
    last = check = 0
    for number, change in db.execute("SELECT number, change FROM changes ORDER BY number"):
        if number != last + 1 and (last or version == 2):
            raise DamagedError(f"change {last + 1} is missing")
        last = number
        try:
            content, check = (change, 0) if version == 2 else _checked(change, check)
            yield unpack(content)
        except (DamagedError, TypeError) as error:
            raise DamagedError(f"change {number} cannot be read: {error}") from None
    if version == _VERSION and last < (noted := _noted(path)):
        raise DamagedError(
            f"its last {noted - last} changes are missing: {path.name}-wal was lost or damaged, or an older "
            f"{path.name} was put here; if its state is wanted, delete {path.with_name(_LAST)}"
        )


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
        last = folder / _LAST
        if last.exists():
            shutil.copy2(last, place)
        path.rename(place / FILE_NAME)
        _forget_leftovers(path)
        letters = folder / DEAD_LETTERS
        if letters.exists():
            shutil.move(letters, place / DEAD_LETTERS)
    return place


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _unusable(path: Path, error: sqlite3.DatabaseError | DamagedError) -> CheckpointError:
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
        db.executescript(f"BEGIN; {_SCHEMA}; PRAGMA user_version={_VERSION}; COMMIT")
    finally:
        db.close()
    part.rename(path)


def _forget_leftovers(path: Path) -> None:
    """Remove what was left beside a checkpoint that was moved away."""
    for leftover in (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", _LAST):
        path.with_name(leftover).unlink(missing_ok=True)


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    # One thread at a time uses it, but not always the one that opened it.
    db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = _version(db)
        if version > _VERSION:
            raise CheckpointError(
                f"{path} has version {version}, this aiwatch writes {_VERSION}: run the aiwatch that wrote it"
            )
        if version < 1:
            raise sqlite3.DatabaseError("it is empty or not a checkpoint")
        if not read_only:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
        (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise sqlite3.DatabaseError(health)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _append(db: sqlite3.Connection, change: bytes, last: int, before: int) -> tuple[int, int]:
    """Insert a row behind the one of number ``last`` and checksum ``before``; return its number and checksum."""
    check = zlib.crc32(change, before)
    row = (last + 1, check.to_bytes(_CHECK_BYTES) + change)
    db.execute("INSERT INTO changes (number, change) VALUES (?, ?)", row)
    return last + 1, check


def _checked(row: bytes, before: int) -> tuple[bytes, int]:
    """Return the change in a row and its checksum, which goes on from that of the row before."""
    change = row[_CHECK_BYTES:]
    check = zlib.crc32(change, before)
    if check != int.from_bytes(row[:_CHECK_BYTES]):
        raise DamagedError("it has another checksum")
    return change, check


def _noted(path: Path) -> int:
    """Return the number of a change that was certainly made; 0 if none is noted, or the note was lost in a crash."""
    try:
        note = path.with_name(_LAST).read_bytes()
    except OSError:
        return 0
    return int(note) if len(note) == _DIGITS and note.isdigit() else 0


def _end(db: sqlite3.Connection) -> tuple[int, int]:
    """Return number and checksum of the last row."""
    row = db.execute("SELECT number, change FROM changes ORDER BY number DESC LIMIT 1").fetchone()
    return (0, 0) if row is None else (row[0], int.from_bytes(row[1][:_CHECK_BYTES]))


def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many bytes the first row has, and how many those behind it."""
    rows = "SELECT total(length(change)) FROM changes WHERE number"
    first, others = (
        db.execute(f"{rows} {which} (SELECT min(number) FROM changes)").fetchone()[0] for which in ("=", ">")
    )
    return int(first), int(others)


def _upgrade(db: sqlite3.Connection, path: Path) -> None:
    """Make a checkpoint of an earlier version one of this version, or leave it as it is."""
    version = _version(db)
    whole = pack(Image.of(read_changes(db, path)).whole())
    db.execute("BEGIN IMMEDIATE")
    try:
        for table in TABLES if version == 1 else ("changes",):
            db.execute(f"DROP TABLE {table}")
        db.execute(_SCHEMA)
        _append(db, whole, 0, 0)
        db.execute(f"PRAGMA user_version={_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    _LOG.info("the checkpoint was brought from version %d to %d", version, _VERSION)
