"""The responder as a process: it starts, says where it is, and stops when it is told to."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from aiwatch.respond.memory_store import MemoryStore
from aiwatch.respond.serve import ServeError, read_token, serve
from tests.respond.rig import Reports, Rig

PROGRAM = """
import logging, pathlib, sys
from aiwatch.respond.memory_store import MemoryStore
from tests.respond.rig import Reports, Rig
from aiwatch.respond.serve import serve
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
serve("127.0.0.1", 0, pathlib.Path(sys.argv[1]), MemoryStore(), Rig().responses, Reports())
print("returned", flush=True)
"""


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    return path


@pytest.fixture
def responder(token_file: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(token_file)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"the inbox is at (\S+)/", line):
                yield process, found[1]
                break
        else:
            pytest.fail("the responder did not start")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_returns_cleanly_at_a_signal(
    responder: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, address = responder
    alert = {
        "status": "firing", "labels": {"alertname": "A"}, "annotations": {}, "fingerprint": "f",
        "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    body = {"version": "4", "groupKey": "g", "receiver": "r", "alerts": [alert]}
    headers = {"Authorization": "Bearer s3cret"}
    assert requests.post(f"{address}/api/v1/notifications", json=body, headers=headers, timeout=10).status_code == 200
    assert "<h3>A</h3>" in requests.get(f"{address}/", timeout=10).text
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "returned" in output
    assert "s3cret" not in output


def test_a_port_that_is_taken_is_named(token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*choose another"):
            serve("127.0.0.1", port, token_file, MemoryStore(), Rig().responses, Reports())


@pytest.mark.parametrize("content", ["", " \n", "two tokens\n"])
def test_a_token_file_without_one_token_is_refused(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(ServeError, match="expected one token"):
        read_token(token_file)


def test_a_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=str(tmp_path / "none")):
        read_token(tmp_path / "none")


def test_the_token_is_read_without_its_line_end(token_file: Path) -> None:
    assert read_token(token_file) == "s3cret"
