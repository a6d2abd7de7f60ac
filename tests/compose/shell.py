"""Running programs, and saying what goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_BEGAN = time.monotonic()


class ComposeTestError(Exception):
    """The test cannot go on; the message says why."""


class LeftOut(Exception):
    """This cannot be proven here; the message says why."""


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _BEGAN:4.0f} s] {message}", file=sys.stderr, flush=True)


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, seconds: float = 900
) -> str:
    """Return what a program prints; it must succeed."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise ComposeTestError(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{said}")
    return done.stdout


def succeeds(*command: str, env: Mapping[str, str] | None = None, seconds: float = 60) -> bool:
    """Tell whether a program succeeds."""
    try:
        return not subprocess.run(command, env=env, capture_output=True, timeout=seconds, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def wait(what: str, look: Callable[[], bool], seconds: float, every: float = 1.0) -> None:
    """Return once ``look`` says so; errors count as not yet."""
    until = time.monotonic() + seconds
    last = "it was not so"
    while time.monotonic() < until:
        try:
            if look():
                return
        except Exception as error:
            last = str(error)
        time.sleep(every)
    raise ComposeTestError(f"{what} within {seconds:g} s: {last}")
