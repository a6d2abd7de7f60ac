"""The commands of aiwatch as processes of their own, as an installation would run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tools.servers import guard
from tools.servers.commands import ServerError, tail
from tools.servers.process import Spec

AIWATCH = str(Path(sys.executable).with_name("aiwatch"))
_GRACE_SECONDS = 30


class Program:
    """A command that runs at once, until it is done or stopped, or its parent ends.

    It leads a process group, and is stopped together with the processes that it started itself.
    """

    def __init__(self, log: Path, *arguments: str) -> None:
        """Start ``aiwatch ARGUMENTS``; ``log`` receives its progress."""
        self.name = f"aiwatch {' '.join(arguments[:2])}"
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [AIWATCH, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(self._process.pid), str(_GRACE_SECONDS)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._printed = ""

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._process.poll() is None

    def result(self) -> str:
        """Wait for its end and return what it printed.

        Raises:
            ServerError: it failed; the message holds the end of its log.
        """
        self._finish(None)
        code = self._process.returncode
        if code != 0:
            raise ServerError(f"{self.name} failed (exit code {code}); see {self.log}\n{tail(self.log)}")
        return self._printed

    def stop(self) -> str:
        """Stop it, after a while by force, and return what it printed; a second time, the same."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._finish(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._finish(None)
        return self._printed

    def _finish(self, seconds: float | None) -> None:
        assert self._process.stdout is not None
        assert self._guard.stdin is not None
        if not self._process.stdout.closed:
            self._printed, _ = self._process.communicate(timeout=seconds)
            self._guard.stdin.close()
            self._guard.wait()


def service(name: str, log: Path, port: int, *arguments: str) -> Spec:
    """Return how a serving command of aiwatch runs on ``port``."""

    def command(port: int) -> list[str | Path]:
        return [AIWATCH, *arguments, f"--listen=127.0.0.1:{port}"]

    return Spec(name, command, log, "/healthz", timeout=60, port=port)
