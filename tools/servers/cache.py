"""The cache of installed servers: an entry is there completely, or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.servers.commands import Say, ServerError

Build = Callable[[Path, Path], None]
"""Fills an entry: called with its folder, still under a temporary name, and the file to log to."""


def cache_folder() -> Path:
    """Where servers are installed: ``servers`` below AIWATCH_CACHE, else below the user's cache folder."""
    if own := os.environ.get("AIWATCH_CACHE"):
        return Path(own).absolute() / "servers"
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "aiwatch" / "servers"


def cached(name: str) -> Path | None:
    """The folder of an entry that is installed already."""
    entry = cache_folder() / name
    return entry if entry.is_dir() else None


def ensure(name: str, build: Build, *, say: Say) -> Path:
    """The folder of an entry, built first if it is not there.

    Safe to interrupt and to run twice at once: the entry is built under another name beside its place, by one
    process at a time, and renamed when it is complete. From then on it is only read.

    Args:
        name: of the entry, with its version.
        build: fills the folder that it is given; must not depend on that folder's name.
        say: receives progress.

    Raises:
        ServerError: the cache cannot be written; or what ``build`` raised.
    """
    if entry := cached(name):
        return entry
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(
            f"cannot create the cache {folder}: {error.strerror}; set AIWATCH_CACHE to a folder that you can write to"
        ) from error
    with _lock(folder / f".{name}.lock", say):
        if entry := cached(name):
            return entry
        partial = folder / f".{name}.partial"
        log = folder / f"{name}.log"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        log.write_bytes(b"")
        try:
            build(partial, log)
            return partial.rename(folder / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _lock(path: Path, say: Say) -> Iterator[None]:
    """Hold a file lock, which ends with the process at the latest."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  waiting for another process that installs it ({path})")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
