"""One server as a process on loopback: start, wait until it is healthy, stop, kill, restart."""

import base64
import http.client
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.servers import guard
from tools.servers.commands import Say, ServerError, say_to_stderr, tail

LOOPBACK = "127.0.0.1"
STOP_GRACE_SECONDS = 30.0
POLL_SECONDS = 0.1
SLOW_SECONDS = 2.0
PORT_ATTEMPTS = 5

# Below Linux's range for outgoing connections (from 32768), so that none takes the port during a restart.
PORT_RANGE = range(20000, 32768)

# How the servers here say in their log that the port is taken (Go; Java), lower case.
PORT_TAKEN = ("address already in use", "bindexception", "bindhttpexception")


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password for HTTP basic authentication."""

    user: str
    password: str

    @property
    def header(self) -> str:
        """Value of the Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Spec:
    """What a server is.

    Args:
        name: for messages.
        command: port -> program and arguments.
        log: file that receives its output; appended to.
        health: path that answers 200 once the server is ready.
        timeout: seconds that it may take until then.
        port: to listen on; 0 chooses a free one.
        cwd: folder to run in.
        credentials: for the health check.
        environment: variables besides those of this process.
    """

    name: str
    command: Callable[[int], Sequence[str | Path]]
    log: Path
    health: str
    timeout: float
    port: int = 0
    cwd: Path | None = None
    credentials: Credentials | None = None
    environment: Mapping[str, str] | None = None


class Server:
    """A server process on 127.0.0.1, its own session, so that Ctrl-C reaches only the one who started it.

    It never outlives the process that started it: see `guard`. Use as a context manager, or call `stop`.

    Attributes:
        port: that it listens on; 0 as long as none was chosen.
    """

    def __init__(self, spec: Spec, *, say: Say = say_to_stderr) -> None:
        """Describe it; `start` runs it.

        Args:
            spec: what to run.
            say: receives progress when something takes longer than two seconds.
        """
        self._spec = spec
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.port = spec.port

    def __enter__(self) -> Self:
        """The server, which is running already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self._spec.name

    @property
    def log(self) -> Path:
        """File with its output."""
        return self._spec.log

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Its process id; None while it is stopped."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it is healthy; on the port that it had, if it ran before.

        Raises:
            ServerError: the port is taken, or the process ended or was not healthy in time. It is stopped.
        """
        if self.running:
            return self
        chosen = self.port == 0
        for _ in range(PORT_ATTEMPTS):
            port = free_port() if chosen else self.port
            if not chosen and not is_free(port):
                raise self._port_taken(port)
            offset = self.log.stat().st_size if self.log.exists() else 0
            try:
                self._launch(port)
                self._wait_until_healthy(port)
            except ServerError:
                self.kill()
                if chosen and self._lost_port(offset):
                    continue
                raise
            except BaseException:
                self.kill()
                raise
            self.port = port
            return self
        raise ServerError(f"{self.name}: no free port in {PORT_ATTEMPTS} attempts; see {self.log}")

    def stop(self, grace: float = STOP_GRACE_SECONDS) -> None:
        """SIGTERM, and SIGKILL if it still lives after `grace` seconds. Does nothing when it is stopped."""
        self._end(subprocess.Popen.terminate, grace)

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to finish anything. Does nothing when it is stopped."""
        self._end(subprocess.Popen.kill, STOP_GRACE_SECONDS)

    def restart(self) -> Self:
        """Stop it, and start it on the same port with the same data."""
        self.stop()
        return self.start()

    def _launch(self, port: int) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._spec.command(port),
                cwd=self._spec.cwd,
                env={**os.environ, **(self._spec.environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(self._process.pid), str(STOP_GRACE_SECONDS)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _wait_until_healthy(self, port: int) -> None:
        started = time.monotonic()
        heard = started
        while not self._healthy(port):
            now = time.monotonic()
            if not self.running and self._process:
                code = self._process.returncode
                raise ServerError(
                    f"{self.name} ended while starting (exit code {code}); see {self.log}\n{tail(self.log)}"
                )
            if now - started > self._spec.timeout:
                limit = f"{self._spec.timeout:.0f} s"
                raise ServerError(f"{self.name} was not ready after {limit}; see {self.log}\n{tail(self.log)}")
            if now - heard > SLOW_SECONDS:
                heard = now
                self._say(f"  waiting for {self.name} ... {now - started:.0f} s")
            time.sleep(POLL_SECONDS)

    def _healthy(self, port: int) -> bool:
        headers = {"Authorization": self._spec.credentials.header} if self._spec.credentials else {}
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        try:
            connection.request("GET", self._spec.health, headers=headers)
            return connection.getresponse().status == 200 and self.running
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end(self, signal: Callable[[subprocess.Popen[bytes]], None], grace: float) -> None:
        if self._process:
            signal(self._process)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    def _lost_port(self, offset: int) -> bool:
        """Whether the log, from `offset` on, says that the port, free a moment ago, is taken."""
        with self.log.open("rb") as file:
            file.seek(offset)
            said = file.read().decode(errors="replace").lower()
        return any(phrase in said for phrase in PORT_TAKEN)

    def _port_taken(self, port: int) -> ServerError:
        return ServerError(
            f"{self.name}: port {port} of {LOOPBACK} is taken by another process; "
            f"stop that one (`ss -ltnp 'sport = :{port}'` names it) or choose another port"
        )


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: without it, connections that were closed a moment ago would count as a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now.

    >>> is_free(free_port())
    True
    """
    for port in random.sample(PORT_RANGE, 100):
        if is_free(port):
            return port
    raise ServerError(f"no free port on {LOOPBACK} among 100 of {PORT_RANGE.start} to {PORT_RANGE.stop - 1}")
