"""`python -m tools.demo` as a command: it is interrupted cleanly, and says what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.process_tree import descendants
from tools.demo.folders import emptied

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def start(folder: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tools.demo", f"--folder={folder}"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in what a script runs in background
    )


@pytest.fixture
def starting(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has just got Elasticsearch up, while the past is being made."""
    with start(folder) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if "Elasticsearch is up" in line:
                    break
            else:
                pytest.fail("".join(said))
            yield process
        finally:
            process.kill()


def alive(pids: set[int]) -> set[int]:
    """Return those that still run, zombies aside."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found.add(pid)
    return found


def alive_after(pids: set[int], seconds: float) -> set[int]:
    until = time.monotonic() + seconds
    while (left := alive(pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_start_leaves_no_process_behind(starting: subprocess.Popen[str], number: signal.Signals) -> None:
    begun = descendants([starting.pid])
    assert len(begun) >= 4  # Elasticsearch, the past and its three workers, guards
    starting.send_signal(number)
    assert starting.wait(60) == INTERRUPTED
    assert starting.stderr is not None
    assert "everything is stopped" in starting.stderr.read()
    assert alive_after(begun, 5) == set()


def test_a_second_demo_in_the_same_folder_is_refused(folder: Path) -> None:
    with emptied(folder), start(folder) as second:
        assert second.stderr is not None
        said = second.stderr.read()
    assert second.returncode == 1
    assert f"a demo is running in {folder}" in said


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with start(tmp_path) as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 1
    assert "name another folder with --folder" in said
    assert (tmp_path / "precious").read_text() == "mine"


def test_missing_tools_are_all_named_with_the_command_that_installs_them(folder: Path, tmp_path: Path) -> None:
    with start(folder, PATH="/nowhere", AIWATCH_CACHE=str(tmp_path / "cache")) as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 1
    for word in ("java", "mvn", "apt-get install", "openjdk-17-jdk-headless", "maven"):
        assert word in said
    assert "Traceback" not in said
