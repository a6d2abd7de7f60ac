"""Docker: whether it is there, and is new enough."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiwatch.provision.doctor.finding import Finding

ENGINE_MINIMUM = (20, 10)
COMPOSE_MINIMUM = (2, 24)
_SECONDS = 20.0


class DockerError(Exception):
    """Docker cannot be asked; the message is what it said."""


def ask(*arguments: str, cwd: Path | None = None) -> str:
    """Return what ``docker ARGUMENTS`` prints.

    Raises:
        DockerError: it is not there, fails, or does not answer.
    """
    try:
        done = subprocess.run(
            ["docker", *arguments], cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except OSError as error:
        raise DockerError(f"the command docker cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise DockerError(f"docker {arguments[0]} does not answer") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise DockerError(said[-1] if said else f"docker {arguments[0]} failed without a word")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Engine:
    """What the daemon says of itself."""

    version: str
    memory: int
    time: float
    root: Path


def engine() -> Engine:
    """Ask the daemon.

    Raises:
        DockerError: there is none, or it may not be asked.
    """
    info = json.loads(ask("info", "--format", "{{json .}}"))
    if info.get("ServerErrors"):
        raise DockerError(info["ServerErrors"][0])
    when = re.sub(r"\.(\d{6})\d*", r".\1", info["SystemTime"])
    return Engine(
        info["ServerVersion"], info["MemTotal"], datetime.fromisoformat(when).timestamp(), Path(info["DockerRootDir"])
    )


def check_engine(found: Engine | DockerError) -> Finding:
    """Judge the daemon."""
    if isinstance(found, DockerError):
        return Finding(
            "docker",
            "error",
            str(found),
            "install Docker, start it, and add yourself to the group docker; or run without it: make demo",
        )
    return _judge("docker", found.version, ENGINE_MINIMUM)


def check_compose() -> Finding:
    """Judge the plugin that runs docker-compose.yml."""
    try:
        return _judge("docker compose", ask("compose", "version", "--short").strip(), COMPOSE_MINIMUM)
    except DockerError as error:
        return Finding("docker compose", "error", str(error), "install the package docker-compose-plugin")


def version_of(text: str) -> tuple[int, int]:
    """Return major and minor version.

    >>> version_of("v2.39.1-desktop.1")
    (2, 39)
    """
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _judge(title: str, version: str, minimum: tuple[int, int]) -> Finding:
    if version_of(version) < minimum:
        return Finding(title, "error", f"version {version}", f"install {'.'.join(map(str, minimum))} or newer")
    return Finding(title, "ok", f"version {version}")
