"""`aiwatch doctor`: why the containers do not start, or will not, and what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import click

from aiwatch.provision.doctor import docker, host, services
from aiwatch.provision.doctor.finding import Finding


@click.command()
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder with docker-compose.yml.",
)
@click.option(
    "--logs", type=click.Path(path_type=Path), help="Folder of your logs.  [default: as docker-compose.yml has it]"
)
def doctor(project: Path, logs: Path | None) -> None:
    """Look for what keeps the containers from starting or running, and say what to do about it.

    It changes nothing. Exits 1 when something is wrong.
    """
    settings = {**host.settings(host.read_text(str(project / ".env")) or ""), **os.environ}
    findings = examine(project, logs or project / settings.get("AIWATCH_LOGS", "logs"), settings)
    for finding in findings:
        click.echo(str(finding))
    wrong = sum(finding.level == "error" for finding in findings)
    click.echo(f"\n{len(findings)} looked at, {wrong} wrong")
    if wrong:
        raise SystemExit(1)


def examine(project: Path, logs: Path, settings: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each thing that was looked at; ``settings`` are the variables of docker-compose.yml."""
    engine: docker.Engine | docker.DockerError
    running: list[services.Container] = []
    try:
        engine = docker.engine()
    except docker.DockerError as error:
        engine = error
    findings = [docker.check_engine(engine), docker.check_compose()]
    there = engine if isinstance(engine, docker.Engine) else None
    if there and findings[1].level == "ok":
        try:
            running = services.containers(project)
            findings += services.check_containers(project, running)
        except docker.DockerError as error:
            findings.append(Finding("services", "error", str(error), "docker compose config shows what is wrong"))
    memory = there.memory if there else host.memory_total(host.read_text("/proc/meminfo") or "")
    group = settings.get("AIWATCH_LOGS_GROUP", "")
    return [
        *findings,
        *host.check_ports(settings, frozenset().union(*(each.ports for each in running))),
        host.check_memory(memory, settings.get("AIWATCH_ELASTICSEARCH_MEMORY", "")),
        host.check_map_count(host.read_text("/proc/sys/vm/max_map_count")),
        host.check_disk(there.root if there else project.absolute()),
        *host.check_project(project),
        host.check_logs(logs, groups=frozenset({10000, int(group)} if group.isdigit() else {10000})),
        host.check_clock(time.time(), there.time if there else None),
    ]
