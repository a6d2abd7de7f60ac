"""The stack of docker-compose.yml, unmodified, under a project name and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from elasticsearch import Elasticsearch

from aiwatch.provision.doctor.host import PORTS
from tests.compose.daemon import Docker
from tests.compose.shell import ComposeTestError, run, say, wait

ONE_SHOTS = ("secrets", "setup")
PROJECT = "aiwatch-compose-test"
_OF_MAKE = {"ARGS", "FROM", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}  # what is left of `make test-compose`
_PASSWORD = "/run/secrets/aiwatch/elastic-password"


class Stack:
    """A project of docker compose, with what the test asks of it."""

    def __init__(self, daemon: Docker, folder: Path, without: Sequence[str]) -> None:
        """Choose ports and folders; ``without`` are services that have no image here.

        ``folder`` has a clone of the project, and a folder for logs of one's own.
        """
        self.daemon = daemon
        self.clone = folder / "clone"
        self.logs = folder / "logs"
        self.ports = {variable: _free_port() for variable in PORTS}
        self.environment = {
            **{name: value for name, value in daemon.environment.items() if name not in _OF_MAKE},
            **{variable: str(port) for variable, port in self.ports.items()},
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_ANSI": "never",
            "AIWATCH_LOGS": str(self.logs),
        }
        self._without = set(without)

    def compose(self, *arguments: str, seconds: float = 900) -> str:
        """Return what `docker compose ARGUMENTS` prints."""
        return self.run("docker", "compose", "--profile", "*", *arguments, seconds=seconds)

    def run(self, *command: str, seconds: float = 900) -> str:
        """Return what a program prints that is run in the project's folder; it must succeed."""
        return run(*command, cwd=self.clone, env=self.environment, seconds=seconds)

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the project's folder, which may fail."""
        return subprocess.run(
            command, cwd=self.clone, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )

    def make(self, target: str, **variables: str) -> str:
        """Return what `make TARGET` prints, with the environment that this test runs in instead of one of its own."""
        return self.run(*self.make_command(target, **variables))

    def make_command(self, target: str, **variables: str) -> tuple[str, ...]:
        """Return the command of `make`."""
        tools = f"BIN={Path(sys.executable).parent}"
        named = (f"{name}={value}" for name, value in variables.items())
        return ("make", "--no-print-directory", "--old-file=.venv/installed", tools, target, *named)

    def services(self, demo: bool) -> list[str]:
        """Return the services that `up` is to start, without those that have no image here."""
        profile = ("--profile", "demo") if demo else ()
        names = self.run("docker", "compose", *profile, "config", "--services").split()
        return sorted(set(names) - self._without)

    def up(self, demo: bool, *options: str) -> float:
        """Bring up everything that has an image and wait until it is healthy; return the seconds that took."""
        began = time.monotonic()
        profile = ("--profile", "demo") if demo else ()
        command = ("docker", "compose", *profile, "up", "--detach", "--wait", "--quiet-pull", *options)
        self.run(*command, *self.services(demo), seconds=1800)
        return time.monotonic() - began

    def down(self, *arguments: str) -> None:
        """Remove the containers."""
        self.compose("down", "--timeout=60", *arguments)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return `docker inspect` of each service's container."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(run("docker", "inspect", *ids, env=self.environment)) if ids else []
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def healthy(self, service: str) -> bool:
        """Tell whether a service runs and is healthy."""
        state = self.containers()[service]["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def crash(self, service: str) -> None:
        """End a service's first process by force, as running out of memory would, and wait for it to be back.

        The daemon starts it again, by its restart policy.
        """
        before = self.containers()[service]
        try:
            os.kill(before["State"]["Pid"], signal.SIGKILL)
        except (PermissionError, ProcessLookupError):
            say(f"  {service} cannot be killed from here: docker kill, and start")
            self.compose("kill", service)
            self.compose("start", service)

        def back() -> bool:
            now = self.containers()[service]
            return now["State"]["StartedAt"] != before["State"]["StartedAt"] and self.healthy(service)

        wait(f"{service} did not come back", back, 240)

    def started(self) -> dict[str, str]:
        """Return when each service that is meant to keep running was started last."""
        found = self.containers().items()
        return {name: each["State"]["StartedAt"] for name, each in found if name not in ONE_SHOTS}

    def url(self, service: str) -> str:
        """Return where a service is published."""
        return f"http://127.0.0.1:{self.ports[f'AIWATCH_{service.upper()}_PORT']}"

    def elasticsearch(self) -> Elasticsearch:
        """Return a client as the user elastic."""
        password = self.compose("exec", "-T", "elasticsearch", "cat", _PASSWORD).strip()
        return Elasticsearch(self.url("elasticsearch"), basic_auth=("elastic", password), request_timeout=30)

    def written(self) -> dict[str, int]:
        """Return how many lines of each type the simulated processes wrote."""
        script = (
            "import collections, glob, json; "
            "print(json.dumps(collections.Counter(json.loads(line)['type'] "
            "for path in glob.glob('/logs/demo/*/*.jsonl*') for line in open(path))))"
        )
        text = self.compose("run", "--rm", "--no-deps", "-T", "--entrypoint=python", "exporter", "-c", script)
        counted: dict[str, int] = json.loads(text.strip().splitlines()[-1])
        return counted

    def inbox(self) -> set[str]:
        """Return the names of the alerts that were delivered."""
        answer = requests.get(f"{self.url('responder')}/api/v1/inbox", timeout=10)
        answer.raise_for_status()
        return {entry["alertname"] for entry in answer.json()["entries"]}

    def metrics(self) -> str:
        """Return what the exporter shows."""
        return requests.get(f"{self.url('exporter')}/metrics", timeout=10).text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def expect(condition: bool, otherwise: str) -> None:
    """Raise with ``otherwise`` unless ``condition`` holds."""
    if not condition:
        raise ComposeTestError(otherwise)
