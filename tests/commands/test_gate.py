"""`aiwatch gate` and `aiwatch resume`, against a real responder and without one."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner, Result

from aiwatch.cli import main
from aiwatch.respond.app import create_app
from aiwatch.respond.memory_store import MemoryStore
from tests.respond.adapters.receiver import receiver
from tests.respond.rig import PROCESS, Reports, Rig, drift_alert, hour
from tests.respond.test_request import speaker

PROCESS_FILE = f"name: {PROCESS}\ntitle: Card fraud\nkind: classifier\nbusiness_unit: payments\nowner: a@example.com\n"


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def responder(rig: Rig) -> Iterator[str]:
    app = create_app(MemoryStore(), rig.responses, Reports(), "s3cret", rig.clock)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("s3cret\n")
    return str(tmp_path / "token")


@pytest.fixture
def catalogue(tmp_path: Path) -> Any:
    """Writes a catalogue whose only process has more in its file."""

    def write(more: str = "") -> str:
        folder = tmp_path / "catalogue" / "processes"
        folder.mkdir(parents=True)
        (folder / f"{PROCESS}.yml").write_text(PROCESS_FILE + more)
        return str(folder.parent)

    return write


def aiwatch(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_gate_is_open_until_drift_and_after_a_person_resumed(rig: Rig, responder: str, token: str) -> None:
    def gate(*more: str) -> Result:
        return aiwatch("gate", PROCESS, "--responder", responder, *more)

    shown = gate()
    assert (shown.exit_code, shown.output) == (0, "card-fraud: retraining may run: not under review\n")
    rig.responses.notice([drift_alert()])
    rig.work()
    shown = gate()
    assert (shown.exit_code, shown.output) == (
        3,
        "card-fraud: retraining is paused: under review since 2026-03-01 09:00 UTC\n"
        "see http://inbox/models/card-fraud\n"
        "leave out 2026-03-01T09:00:00Z to now, model version any\n",
    )
    shown = gate("--json")
    assert (shown.exit_code, json.loads(shown.output)["allowed"]) == (3, False)
    rig.clock.now = hour(2)
    resume = ("resume", PROCESS, "--by", "Ada", "--reason", "mended", "--responder", responder, "--token-file", token)
    shown = aiwatch(*resume)
    said = "resumed by Ada at 2026-03-01 11:00 UTC: mended\n"
    assert (shown.exit_code, shown.output) == (0, f"card-fraud: {said}")
    shown = gate()
    leave_out = "leave out 2026-03-01T09:00:00Z to 2026-03-01T11:00:00Z, model version any\n"
    assert (shown.exit_code, shown.output) == (0, f"card-fraud: retraining may run: {said}{leave_out}")
    shown = aiwatch(*resume)
    assert (shown.exit_code, "is not under review: Ada resumed it" in shown.output) == (1, True)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (
            "",
            3,
            "retraining is paused: nobody knows, for the responder cannot be reached; `fail: closed` by the catalogue",
        ),
        (
            "response: {gate: {fail: open}}\n",
            0,
            "retraining may run: nobody knows, for the responder cannot be reached",
        ),
    ],
)
def test_without_a_responder_the_catalogue_decides(
    nobody: str, catalogue: Any, more: str, code: int, said: str
) -> None:
    shown = aiwatch("gate", PROCESS, "--responder", nobody, "--catalogue", catalogue(more))
    assert (shown.exit_code, said in shown.stdout) == (code, True)
    assert f"the responder cannot be reached: {nobody}/api/v1/gate/{PROCESS}: " in shown.stderr


def test_without_responder_and_catalogue_the_gate_is_closed(nobody: str, tmp_path: Path) -> None:
    shown = aiwatch("gate", PROCESS, "--responder", nobody, "--catalogue", str(tmp_path / "none"))
    assert (shown.exit_code, "`fail: closed` by the default, for there is no catalogue" in shown.stdout) == (3, True)


def test_a_responder_that_cannot_read_its_trail_counts_as_none(catalogue: Any) -> None:
    with receiver(lambda _: (503, {"error": "Elasticsearch is away"})) as system:
        shown = aiwatch("gate", PROCESS, "--responder", system.url, "--catalogue", catalogue())
    assert (shown.exit_code, "answered 503: Elasticsearch is away" in shown.stderr) == (3, True)


def test_an_unknown_process_is_an_error_and_no_answer(responder: str, nobody: str, catalogue: Any) -> None:
    shown = aiwatch("gate", "card-frau", "--responder", responder)
    assert (shown.exit_code, "no model called 'card-frau'; did you mean 'card-fraud'?" in shown.output) == (1, True)
    shown = aiwatch("gate", "card-frau", "--responder", nobody, "--catalogue", catalogue())
    assert (shown.exit_code, "no model called 'card-frau'; did you mean 'card-fraud'?" in shown.output) == (1, True)


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (200, {"hello": "world"}, "this is no responder of aiwatch"),
        (401, {"error": "who are you?"}, "answered 401: who are you?"),
        (302, "moved", "answered 302"),
    ],
)
def test_an_answer_that_is_none_opens_nothing(status: int, content: Any, said: str) -> None:
    with receiver(lambda _: (status, content)) as system:
        shown = aiwatch("gate", PROCESS, "--responder", system.url)
    assert (shown.exit_code, said in shown.output) == (1, True)


def test_an_address_that_is_none_is_told() -> None:
    shown = aiwatch("gate", PROCESS, "--responder", "localhost:8080")
    assert shown.exit_code == 1
    assert "No connection adapters" in shown.output


def test_resuming_with_another_token_is_refused(rig: Rig, responder: str, tmp_path: Path) -> None:
    rig.responses.notice([drift_alert()])
    other = tmp_path / "other"
    other.write_text("wrong")
    resume = ("resume", PROCESS, "--by", "Ada", "--reason", "x", "--responder", responder, "--token-file", str(other))
    shown = aiwatch(*resume)
    assert (shown.exit_code, "answered 401: the token is missing or wrong" in shown.output) == (1, True)
    assert rig.responses.journal.reviews[PROCESS].open


@pytest.mark.parametrize(("chosen", "code"), [("open", 0), ("closed", 3)])
def test_a_responder_whose_answer_breaks_off_counts_as_none(catalogue: Any, chosen: str, code: int) -> None:
    def break_off(connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"process": "ca')

    more = f"response: {{gate: {{fail: {chosen}}}}}\n"
    with speaker(break_off) as url:
        shown = aiwatch("gate", PROCESS, "--responder", url, "--catalogue", catalogue(more))
    assert (shown.exit_code, "cannot be reached" in shown.stderr) == (code, True)


def test_a_responder_that_hangs_does_not_hang_the_gate(monkeypatch: pytest.MonkeyPatch, catalogue: Any) -> None:
    monkeypatch.setattr("aiwatch.respond.client._SECONDS", 0.2)

    def slow(_: Any) -> tuple[int, Any]:
        time.sleep(0.5)
        return 200, {}

    with receiver(slow) as system:
        shown = aiwatch("gate", PROCESS, "--responder", system.url, "--catalogue", catalogue())
    assert (shown.exit_code, "cannot be reached" in shown.stderr) == (3, True)
