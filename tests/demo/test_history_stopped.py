"""Stopping the writing of the past leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

AIWATCH = str(Path(sys.executable).with_name("aiwatch"))


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_processes_that_write_the_past_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [AIWATCH, "demo", "history", f"--logs={tmp_path}", "--days=30"], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while len(workers := children(process.pid)) < 4 and time.monotonic() < until:
            time.sleep(0.1)  # three workers, and the tracker that multiprocessing runs
        assert len(workers) >= 3
        process.send_signal(number)
        assert process.wait(20) != 0
        until = time.monotonic() + 10
        while any(map(alive, workers)) and time.monotonic() < until:
            time.sleep(0.1)
        assert not any(map(alive, workers))
    finally:
        process.kill()
        process.wait()
