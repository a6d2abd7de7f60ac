"""External commands: what is missing, and running one with its output kept and its progress shown."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

Say = Callable[[str], None]
"""Where progress goes: called with one line, without the line's end."""

HEARTBEAT_SECONDS = 5.0

DEBIAN_PACKAGES = {
    "java": "openjdk-17-jdk-headless",
    "javac": "openjdk-17-jdk-headless",
    "mvn": "maven",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
}


class ServerError(Exception):
    """A server could not be installed or started; the message says why, where, and what to do."""


def say_to_stderr(line: str) -> None:
    """Show one line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def require(tools: Iterable[str]) -> None:
    """Check that every command is on PATH.

    Raises:
        ServerError: names all the missing ones at once, and the command that installs them.

    >>> require(["sh"])
    >>> require(["sh", "frob"])
    Traceback (most recent call last):
    ...
    tools.servers.commands.ServerError: not found on PATH: frob. Install with: apt-get install frob
    """
    missing = sorted({tool for tool in tools if shutil.which(tool) is None})
    if missing:
        packages = " ".join(sorted({DEBIAN_PACKAGES.get(tool, tool) for tool in missing}))
        raise ServerError(f"not found on PATH: {', '.join(missing)}. Install with: apt-get install {packages}")


def run_logged(command: Sequence[str | Path], *, log: Path, what: str, say: Say, cwd: Path | None = None) -> None:
    """Run a command to its end, its output appended to a log file.

    Args:
        command: program and arguments.
        log: receives the command itself and all its output.
        what: what it does, for progress lines and errors ("fetching jars with Maven").
        say: receives a line at the start and every few seconds.
        cwd: folder to run in.

    Raises:
        ServerError: it ended with another code than 0; names the log and shows its last lines.
    """
    say(f"  {what} ...")
    started = time.monotonic()
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        with subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process:
            try:
                while True:
                    try:
                        code = process.wait(HEARTBEAT_SECONDS)
                        break
                    except subprocess.TimeoutExpired:
                        say(f"  {what} ... {time.monotonic() - started:.0f} s")
            except BaseException:
                process.terminate()
                raise
    if code != 0:
        raise ServerError(f"{what} failed (exit code {code}); see {log}\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log file, indented; empty when there is no such file."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        last = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"  | {line}" for line in last)
