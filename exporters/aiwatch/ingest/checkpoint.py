"""What has been delivered, in one SQLite file: positions in the logs and the metrics, committed together.

Each commit is one row that holds what it changed, so that it costs as much as changed and no more; now and then a row
with everything takes the place of all before it. Read in their order the rows make the whole, which is held in memory.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import sqlite3
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
_VERSION = 2
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
                    _upgrade(self._db)
                self.image = Image.of(read_changes(self._db))
                self._whole_bytes, self._changed_bytes = _sizes(self._db)
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
        db.execute("BEGIN IMMEDIATE")
        try:
            if whole:
                db.execute("DELETE FROM changes")
                db.execute("INSERT INTO changes (change) VALUES (?)", (whole,))
            db.execute("INSERT INTO changes (change) VALUES (?)", (change,))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if whole or not self._whole_bytes:
            self._whole_bytes, self._changed_bytes = len(whole or change), 0
        self._changed_bytes += len(change)
        self.image.apply(commit)

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


def read_changes(db: sqlite3.Connection) -> Iterator[Commit]:
    """Return what a checkpoint of any version is made of, in order.

    Raises:
        DamagedError: something is missing, or cannot be read.
    """
    if _version(db) != _VERSION:
        yield read_version_1(db)
        return
    for expected, (number, change) in enumerate(db.execute("SELECT number, change FROM changes ORDER BY number"), 1):
        if number != expected:
            raise DamagedError(f"change {expected} is missing")
        try:
            yield unpack(change)
        except DamagedError as error:
            raise DamagedError(f"change {number} cannot be read: {error}") from None


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
    """Remove what SQLite left beside a checkpoint that was moved away."""
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)


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


def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many bytes the first row has, and how many those behind it."""
    rows = "SELECT total(length(change)) FROM changes WHERE number"
    first, others = (db.execute(f"{rows} {which} 1").fetchone()[0] for which in ("=", ">"))
    return int(first), int(others)


def _upgrade(db: sqlite3.Connection) -> None:
    """Make a checkpoint of version 1 one of this version, or leave it as it is."""
    whole = pack(read_version_1(db))
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(_SCHEMA)
        db.execute("INSERT INTO changes (change) VALUES (?)", (whole,))
        for table in TABLES:
            db.execute(f"DROP TABLE {table}")
        db.execute(f"PRAGMA user_version={_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    _LOG.info("the checkpoint was brought from version 1 to %d", _VERSION)
