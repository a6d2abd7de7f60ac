"""`aiwatch export` that dies, or whose clock jumps, at a chosen point.

Run as ``python -m bench.faults.exporter FAULT -- export ...``. A FAULT is one of

- ``begun:N``, ``half:N``, ``written:N``: killed within the checkpoint's Nth transaction: after its BEGIN, after its
  first statement, before its COMMIT;
- ``committing:N:SECONDS``: killed so long after the Nth COMMIT was begun, which may be within it or after it;
- ``ready:N``, ``committed:N``: killed right before the Nth transaction, or right after its COMMIT;
- ``clock:FILE``: the time of day is off by the seconds that FILE holds at each moment.

The exporter's own code is what runs: only SQLite's connections and ``time.time`` are wrapped.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

INSIDE = ("begun", "half", "written", "committing")
BESIDE = ("ready", "committed")


def die(delay: float = 0.0) -> None:
    """End this process as kill -9 does, after ``delay`` seconds."""
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str, number: int, delay: float) -> None:
    """Let the process die at a point of the ``number``-th transaction of any connection made from now on."""
    connect = sqlite3.connect
    seen = {"transactions": 0}

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                seen["transactions"] += 1
            now = seen["transactions"] == number
            if now and ((sql.startswith("BEGIN") and point == "ready") or (sql == "COMMIT" and point == "written")):
                die()
            if now and sql == "COMMIT" and point == "committing":
                threading.Thread(target=die, args=(delay,), daemon=True).start()
            result = super().execute(sql, *arguments)
            if now and ((sql.startswith("BEGIN") and point == "begun") or (sql == "COMMIT" and point == "committed")):
                die()
            if now and point == "half" and not sql.startswith(("BEGIN", "COMMIT")):
                die()
            return result

    sqlite3.connect = lambda *arguments, **named: connect(*arguments, factory=Connection, **named)  # type: ignore


def shift_clock(file: Path) -> None:
    """Let ``time.time`` be off by the seconds in ``file``."""
    real = time.time
    time.time = lambda: real() + float(file.read_text() or 0)


def main() -> None:
    """Prepare the fault, and run the command line."""
    fault, _, *arguments = sys.argv[1:]
    kind, _, rest = fault.partition(":")
    if kind == "clock":
        shift_clock(Path(rest))
    else:
        number, _, delay = rest.partition(":")
        die_at(kind, int(number), float(delay or 0))
    from aiwatch.cli import main as aiwatch  # only now, as modules keep what they import

    aiwatch(arguments)


if __name__ == "__main__":
    main()
