"""What the doctor finds on a machine, with and without Docker."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from aiwatch.cli import main
from aiwatch.provision.doctor import docker, host
from aiwatch.provision.doctor.finding import Finding

ROOT = Path(__file__).parents[2]
INFO = '{"ServerVersion": "%s", "MemTotal": %d, "SystemTime": "2026-01-31T12:00:00.123456789Z", "DockerRootDir": "/"}'


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a program called docker, the first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "docker"


def says(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def by_title(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.title: finding for finding in findings}


def test_a_port_that_another_program_holds_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = by_title(list(host.check_ports({"AIWATCH_GRAFANA_PORT": str(port)})))[f"port {port}"]
        assert found.level == "error"
        assert "AIWATCH_GRAFANA_PORT=" in found.remedy
        ours = by_title(list(host.check_ports({"AIWATCH_GRAFANA_PORT": str(port)}, frozenset({port}))))
        assert ours[f"port {port}"].level == "ok"


def test_a_port_that_is_no_number_is_an_error() -> None:
    found = by_title(list(host.check_ports({"AIWATCH_GRAFANA_PORT": "x"})))["port x"]
    assert found.level == "error"


@pytest.mark.parametrize(("gib", "level"), [(2, "error"), (4, "warning"), (8, "ok")])
def test_too_little_memory_is_said(gib: int, level: str) -> None:
    assert host.check_memory(gib * host.GIB).level == level


@pytest.mark.parametrize(
    ("size", "level", "said"),
    [
        ("", "ok", "Elasticsearch may take 2.0"),
        ("6g", "warning", "9 GiB are better"),
        ("8g", "error", "AIWATCH_ELASTICSEARCH_MEMORY=1g"),
        ("plenty", "error", "no size"),
    ],
)
def test_the_memory_that_was_set_for_elasticsearch_counts(size: str, level: str, said: str) -> None:
    found = host.check_memory(8 * host.GIB, size)
    assert found.level == level
    assert said in str(found)


@pytest.mark.parametrize(("text", "level"), [("65530\n", "warning"), ("262144\n", "ok"), (None, "unknown")])
def test_too_few_memory_maps_come_with_the_command_that_allows_more(text: str | None, level: str) -> None:
    found = host.check_map_count(text)
    assert found.level == level
    assert ("sysctl -w vm.max_map_count=262144" in found.remedy) == (level == "warning")


def test_a_log_that_the_exporter_may_not_read_is_named(tmp_path: Path) -> None:
    log = tmp_path / "bot" / "a.jsonl"
    log.parent.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    log.write_text("")
    log.chmod(0o640)
    owner, group = log.stat().st_uid, log.stat().st_gid
    assert host.check_logs(tmp_path, user=owner + 1).level == "error"
    assert str(log) in host.check_logs(tmp_path, user=owner + 1).seen
    assert host.check_logs(tmp_path, user=owner + 1, groups=frozenset({group})).level == "ok"
    assert host.check_logs(tmp_path, user=owner).level == "ok"
    assert host.check_logs(tmp_path / "none").level == "warning"


def test_a_closed_folder_of_the_project_is_named(tmp_path: Path) -> None:
    for name in ("catalogue", "prometheus", "grafana/provisioning"):
        (tmp_path / name).mkdir(parents=True, mode=0o755)
    (tmp_path / "prometheus").chmod(0o700)
    levels = {finding.title: finding.level for finding in host.check_project(tmp_path)}
    assert levels == {"catalogue": "ok", "prometheus": "error", "grafana/provisioning": "ok"}


def test_a_clock_that_differs_is_said() -> None:
    assert host.check_clock(100.0, 90.0).level == "error"
    assert host.check_clock(100.0, 99.5).level == "ok"
    assert host.check_clock(100.0, None).level == "unknown"


def test_without_docker_everything_else_is_looked_at(program: Path) -> None:
    says(program, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    result = CliRunner().invoke(main, ["doctor", f"--project={ROOT}"])
    assert result.exit_code == 1
    assert "error    docker: Cannot connect to the Docker daemon" in result.output
    for title in ("port 9200", "memory", "vm.max_map_count", "disk", "catalogue", "clock"):
        assert f" {title}" in result.output


def test_what_stands_in_the_file_env_counts(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(program, "exit 1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / ".env").write_text(f"AIWATCH_GRAFANA_PORT={port}\nAIWATCH_LOGS=my-logs\n")
        monkeypatch.delenv("AIWATCH_GRAFANA_PORT", raising=False)
        output = CliRunner().invoke(main, ["doctor", f"--project={tmp_path}"]).output
    assert f"error    port {port}: cannot be had" in output
    assert f"logs in {tmp_path}/my-logs: there is no such folder" in output


def test_an_old_docker_is_said(program: Path) -> None:
    says(program, f"echo '{INFO % ('19.03.5', 2**34)}'")
    found = docker.check_engine(docker.engine())
    assert found.level == "error"
    assert "20.10" in found.remedy


def test_the_memory_and_the_clock_of_the_daemon_count(program: Path) -> None:
    says(program, f"echo '{INFO % ('28.0.1', 2**34)}'")
    engine = docker.engine()
    assert engine.memory == 2**34
    assert engine.time == pytest.approx(1769860800.12, abs=0.01)
    assert docker.check_engine(engine).level == "ok"
