"""The services of docker-compose.yml: which one does not run, why, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiwatch.provision.doctor.docker import DockerError, ask
from aiwatch.provision.doctor.finding import Finding, Level

_LABEL = "com.docker.compose"
_WORDS = 300  # letters of a service's last words
_ONE_SHOT = {"secrets", "setup"}
_PORT_TAKEN = re.compile("address already in use|port is already allocated|ports are not available", re.IGNORECASE)
_DISK_FULL = re.compile("no space left|disk is full|disk I/O error|disk usage exceeded", re.IGNORECASE)
_CLOSED = re.compile(
    "permission denied|AccessDenied|not (readable|writable)|readonly database|read-only file system", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Container:
    """A service's container, as the daemon describes it.

    Attributes:
        state: created, running, restarting, exited, ...
        health: healthy, starting, unhealthy; nothing where it is not watched.
        restarts: how often its restart policy has started it again.
        out_of_memory: whether the kernel ended it, now or before its last start, for it used more than it may.
        error: why the daemon could not start it.
        user: as whom it runs, in numbers.
        volumes: names, as in docker-compose.yml, of the volumes that it writes to.
        ports: those of this machine that it holds.
    """

    service: str
    state: str
    health: str = ""
    exit_code: int = 0
    restarts: int = 0
    out_of_memory: bool = False
    error: str = ""
    user: str = ""
    volumes: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset()


def containers(project: Path) -> list[Container]:
    """Return the containers of the project in a folder, by the name of their service.

    Raises:
        DockerError: it cannot be asked.
    """
    ids = ask("compose", "--profile", "*", "ps", "--all", "--quiet", cwd=project).split()
    described = json.loads(ask("inspect", *ids)) if ids else []
    found = [read(each) for each in described if each["Config"]["Labels"].get(f"{_LABEL}.oneoff") != "True"]
    return sorted(found, key=lambda each: each.service)


def read(described: Mapping[str, Any]) -> Container:
    """Return what matters of what `docker inspect` prints of a container."""
    state, labels = described["State"], described["Config"]["Labels"]
    bindings = described["NetworkSettings"].get("Ports") or {}
    project = f"{labels[f'{_LABEL}.project']}_"
    return Container(
        service=labels[f"{_LABEL}.service"],
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=described["RestartCount"],
        out_of_memory=state["OOMKilled"],
        error=state["Error"],
        user=described["Config"]["User"],
        volumes=tuple(
            mount["Name"].removeprefix(project)
            for mount in described["Mounts"]
            if mount["Type"] == "volume" and mount["RW"]
        ),
        ports=frozenset(int(each["HostPort"]) for held in bindings.values() for each in held or []),
    )


def check_containers(project: Path, found: Iterable[Container]) -> Iterator[Finding]:
    """Yield a finding for each container that is not as it should be, with the reason or its last words."""
    for each in found:
        finding = _check(project, each)
        if finding:
            yield finding


def _check(project: Path, found: Container) -> Finding | None:
    title, logs = f"service {found.service}", f"docker compose logs {found.service}"
    well = found.state == "running" and found.health in ("", "healthy")
    ended = found.state == "exited" and found.exit_code == 0
    if found.out_of_memory and not ended:
        seen = f"needed more memory than it may have, and was ended by the kernel; it is {_state(found)}"
        return Finding(title, "warning" if well else "error", seen, _more_memory(found.service))
    if well or (ended and found.service in _ONE_SHOT):
        return None
    if ended:
        return Finding(title, "warning", "was stopped", f"docker compose up -d {found.service}")
    if found.error:
        remedy = "free the port, or choose another: see below" if _PORT_TAKEN.search(found.error) else logs
        return Finding(title, "error", f"cannot be started: {found.error[-_WORDS:]}", remedy)
    level: Level = (
        "warning" if found.state == "created" or (found.health == "starting" and not found.restarts) else "error"
    )
    words = _last_words(project, found.service)
    seen = f"is {_state(found)}; its last words: {words}"
    if _DISK_FULL.search(words):
        return Finding(title, level, seen, "make room on the disk that Docker keeps its volumes on: docker system df")
    if _CLOSED.search(words) and found.volumes and re.fullmatch(r"\d+(:\d+)?", found.user):
        places = " ".join(f"/volumes/{volume}" for volume in found.volumes)
        chown = f"docker compose run --rm --entrypoint chown restore -R {found.user} {places}"
        return Finding(title, level, seen, f"if a volume has got another owner: {chown}; otherwise {logs}")
    return Finding(title, level, seen, logs)


def _state(found: Container) -> str:
    """Return how a container is, in words.

    >>> _state(Container("exporter", "restarting", exit_code=1, restarts=3))
    'restarting, exit code 1, started again 3 times'
    """
    words = [found.state, found.health if found.state == "running" else ""]
    words.append(f"exit code {found.exit_code}" if found.state in ("exited", "dead", "restarting") else "")
    words.append(f"started again {found.restarts} time{'s' if found.restarts > 1 else ''}" if found.restarts else "")
    return ", ".join(word for word in words if word)


def _more_memory(service: str) -> str:
    if service == "elasticsearch":
        return "give it more with AIWATCH_ELASTICSEARCH_MEMORY= (1g is the least)"
    return f"raise mem_limit of {service} in a file docker-compose.override.yml"


def _last_words(project: Path, service: str) -> str:
    try:
        said = ask("compose", "--profile", "*", "logs", "--no-log-prefix", "--tail=3", service, cwd=project).split("\n")
    except DockerError as error:
        return str(error)
    return next((line.strip()[:_WORDS] for line in reversed(said) if line.strip()), "none")
