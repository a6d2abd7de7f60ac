import os
import subprocess
from pathlib import Path

import pytest

from tools.servers import cache, debian
from tools.servers.commands import ServerError
from tools.servers.install import ensure_all


def silent(line: str) -> None:
    pass


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def says_version(path: Path, version: str) -> None:
    script(path, f"echo '{path.name}, version {version}+ds (branch: x)'")


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_suitable_version_on_path_is_used(on_path: Path) -> None:
    says_version(on_path / "prometheus", "3.14.0")
    says_version(on_path / "promtool", "3.14.0")
    assert debian.ensure(debian.PROMETHEUS, silent) == on_path
    assert debian.tools_to_install(debian.PROMETHEUS) == set()


@pytest.mark.parametrize(("version", "companion"), [("2.41.0", "promtool"), ("2.42.0", "other")])
def test_an_old_version_or_one_without_its_tool_is_not_used(on_path: Path, version: str, companion: str) -> None:
    says_version(on_path / "prometheus", version)
    says_version(on_path / companion, version)
    assert debian.on_path(debian.PROMETHEUS) is None


def test_a_packaged_server_finds_its_assets_where_they_were_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With packages built here: the server prints the template at its compiled-in path."""
    monkeypatch.setenv("AIWATCH_CACHE", str(tmp_path / "cache"))
    server = debian.DebianServer(
        name="greeter",
        companion="greettool",
        minimum=(1, 2),
        package="greeter-server",
        program="greeter-server",
        assets="/usr/share/greeter/templates",
    )
    package = tmp_path / "package"
    script(package / "usr/bin/greeter-server", "echo version 1.2.3; cat /usr/share/greeter/templates/hello")
    script(package / "usr/bin/greettool", "echo tool")
    (package / "usr/share/greeter/templates").mkdir(parents=True)
    (package / "usr/share/greeter/templates/hello").write_text("hello\n")
    (package / "DEBIAN").mkdir()
    (package / "DEBIAN/control").write_text(
        "Package: greeter-server\nVersion: 1.2.3\nArchitecture: all\nMaintainer: Nobody <n@example.org>\n"
        "Description: greets\n"
    )
    built = tmp_path / "greeter-server_1.2.3_all.deb"
    subprocess.run(["dpkg-deb", "-b", package, built], check=True, capture_output=True)
    script(tmp_path / "bin/apt-get", f'[ "$*" = "download greeter-server" ] && cp {built} .')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    folder = debian.ensure(server, silent)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = subprocess.run([folder / "greeter"], cwd=elsewhere, capture_output=True, text=True, check=True)
    assert said.stdout == "version 1.2.3\nhello\n"
    assert subprocess.run([folder / "greettool"], capture_output=True, check=True).stdout == b"tool\n"


def test_the_package_lists_are_updated_when_the_package_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIWATCH_CACHE", str(tmp_path / "cache"))
    script(tmp_path / "bin/apt-get", f"echo $1 >>{tmp_path}/calls; [ $1 = update ]")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(ServerError, match="fetching Debian's prometheus-alertmanager failed"):
        debian.ensure(debian.ALERTMANAGER, silent)
    assert (tmp_path / "calls").read_text().split() == ["download", "update", "download"]
    assert cache.cached(debian.entry(debian.ALERTMANAGER)) is None


def test_all_tools_are_checked_before_anything_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="not found on PATH: apt-get, dpkg-deb, java, javac, mvn"):
        ensure_all(say=silent)
    assert not (tmp_path / "cache").exists()
