"""Where the demo finds and puts things."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.servers.commands import ServerError


@dataclass(frozen=True, slots=True)
class Folders:
    """The project, and the folder of all that the demo makes."""

    root: Path
    work: Path

    @property
    def site(self) -> Path:
        """Configuration generated for this run."""
        return self.work / "site"

    @property
    def secrets(self) -> Path:
        """Passwords, API keys and tokens."""
        return self.work / "secrets"

    @property
    def logs(self) -> Path:
        """What the simulated processes write now."""
        return self.work / "logs"

    @property
    def history(self) -> Path:
        """What they wrote in the past."""
        return self.work / "history"

    @property
    def catalogue(self) -> str:
        """The option that names the catalogue."""
        return f"--catalogue={self.root / 'catalogue'}"

    def log(self, name: str) -> Path:
        """Return the file for the progress of a program."""
        return self.work / "output" / f"{name}.log"


@contextmanager
def emptied(work: Path) -> Iterator[Path]:
    """Hold ``work`` for one demo alone, and empty it of what an earlier one left.

    Raises:
        ServerError: another demo runs in it, or it holds something that no demo made.
    """
    mark = work / ".aiwatch-demo"
    if work.is_dir() and any(work.iterdir()) and not mark.exists():
        raise ServerError(f"{work} is not empty, and no demo made it: name another folder with --folder")
    work.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"a demo is running in {work}: stop it, or name another folder with --folder") from None
        for entry in work.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry != mark:
                entry.unlink()
        yield work
