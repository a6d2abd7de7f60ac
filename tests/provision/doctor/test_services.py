"""Why a service does not run, from what the daemon says of its container."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aiwatch.provision.doctor.finding import Finding
from aiwatch.provision.doctor.services import Container, check_containers, containers, read

INSPECTED: dict[str, Any] = {
    "State": {"Status": "running", "ExitCode": 0, "OOMKilled": False, "Error": "", "Health": {"Status": "healthy"}},
    "RestartCount": 0,
    "Config": {
        "User": "1000:10000",
        "Labels": {"com.docker.compose.service": "exporter", "com.docker.compose.project": "watch"},
    },
    "NetworkSettings": {"Ports": {"9464/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9465"}], "9200/tcp": None}},
    "Mounts": [
        {"Type": "volume", "Name": "watch_state", "RW": True},
        {"Type": "volume", "Name": "watch_secrets-exporter", "RW": False},
        {"Type": "bind", "Source": "/logs", "RW": True},
    ],
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a program called docker, the first on PATH, without last words to tell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    says(folder / "docker", "")
    return folder / "docker"


def says(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def check(container: Container) -> Finding | None:
    return next(iter(check_containers(Path(), [container])), None)


def test_what_the_daemon_describes_is_read() -> None:
    assert read(INSPECTED) == Container(
        "exporter", "running", "healthy", user="1000:10000", volumes=("state",), ports=frozenset({9465})
    )


def test_containers_that_were_run_by_hand_are_no_services(program: Path, tmp_path: Path) -> None:
    labels = {**INSPECTED["Config"]["Labels"], "com.docker.compose.oneoff": "True"}
    by_hand = {**INSPECTED, "Config": {"User": "", "Labels": labels}}
    (tmp_path / "inspected.json").write_text(json.dumps([by_hand, INSPECTED]))
    says(program, f'if [ "$1" = inspect ]; then cat {tmp_path}/inspected.json; else echo 0a1b 2c3d; fi')
    assert [each.service for each in containers(tmp_path)] == ["exporter"]


def test_without_containers_there_is_nothing_to_inspect(program: Path, tmp_path: Path) -> None:
    says(program, '[ "$1" != inspect ]')
    assert containers(tmp_path) == []


@pytest.mark.parametrize(
    "container",
    [
        Container("grafana", "running", "healthy", restarts=1),
        Container("setup", "exited"),
        Container("secrets", "exited"),
    ],
    ids=lambda container: container.service,
)
def test_a_service_that_is_as_it_should_be_is_not_mentioned(container: Container) -> None:
    assert check(container) is None


def test_a_service_that_was_stopped_is_a_warning() -> None:
    found = check(Container("demo-fraud", "exited"))
    assert found == Finding("service demo-fraud", "warning", "was stopped", "docker compose up -d demo-fraud")


@pytest.mark.parametrize(
    ("container", "level"),
    [
        (Container("setup", "exited", exit_code=1), "error"),
        (Container("exporter", "running", "unhealthy"), "error"),
        (Container("exporter", "running", "starting"), "warning"),
        (Container("exporter", "running", "starting", restarts=3), "error"),
        (Container("exporter", "created"), "warning"),
    ],
)
def test_a_service_that_is_not_well_is_shown_with_its_last_words(
    program: Path, container: Container, level: str
) -> None:
    says(program, "printf 'first\\nbot.yml:6: unknown key\\n\\n'")
    found = check(container)
    assert found
    assert found.level == level
    assert found.seen.endswith("its last words: bot.yml:6: unknown key")
    assert found.remedy == f"docker compose logs {container.service}"


def test_a_service_that_ran_out_of_memory_is_told_from_one_that_was_killed(program: Path) -> None:
    found = check(Container("elasticsearch", "restarting", exit_code=137, restarts=2, out_of_memory=True))
    assert found
    assert found.level == "error"
    assert found.seen.endswith("it is restarting, exit code 137, started again 2 times")
    assert "AIWATCH_ELASTICSEARCH_MEMORY=" in found.remedy
    killed = check(Container("elasticsearch", "exited", exit_code=137))
    assert killed
    assert "memory" not in str(killed)
    past = check(Container("exporter", "running", "healthy", restarts=1, out_of_memory=True))
    assert past
    assert past.level == "warning"
    assert "mem_limit of exporter" in past.remedy


@pytest.mark.parametrize(
    "error",
    [
        "Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "Bind for 127.0.0.1:8080 failed: port is already allocated",
    ],
)
def test_a_service_whose_port_is_taken_is_shown_with_the_reason_of_the_daemon(error: str) -> None:
    found = check(Container("responder", "created", error=error))
    assert found == Finding(
        "service responder", "error", f"cannot be started: {error}", "free the port, or choose another: see below"
    )


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Error: /state/checkpoint.sqlite cannot be used (disk I/O error)", "docker system df"),
        ("write /prometheus/wal/000001: no space left on device", "docker system df"),
        ("Directory '/state' is not readable.", "--entrypoint chown restore -R 1000:10000 /volumes/state"),
        ("open /prometheus/lock: permission denied", "--entrypoint chown restore -R 1000:10000 /volumes/state"),
        ("it is raining", "docker compose logs exporter"),
    ],
)
def test_what_to_do_follows_from_the_last_words(program: Path, words: str, remedy: str) -> None:
    says(program, f'echo "{words}"')
    found = check(Container("exporter", "restarting", exit_code=1, user="1000:10000", volumes=("state",)))
    assert found
    assert found.level == "error"
    assert remedy in found.remedy
