"""Each way to post events, right and wrong, and what is answered when."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from aiwatch.ingest.sources import http
from aiwatch.ingest.sources.compressed import zstd
from aiwatch.ingest.sources.http import MOST_BODY_BYTES, EventsServer
from aiwatch.ingest.sources.spool import Spool

TOKEN = "correct-horse"
LIMIT = 1000  # bytes that may wait


class Receiver:
    """A server, the spool of one process, and somebody who commits what is in it."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool("bot:http", folder, [], most_waiting=LIMIT)
        self.server = EventsServer("127.0.0.1", 0, TOKEN)
        self.server.show({"bot": self.spool})
        self.lines: list[bytes] = []
        self._closing = threading.Event()
        self._committer = threading.Thread(target=self._commit)

    def start(self) -> None:
        self._committer.start()

    def _commit(self) -> None:
        while not self._closing.is_set():
            block = self.spool.read(2**21)
            if block is None:
                self.spool.wait_for_data(0.05)
            else:
                self.lines += block.data.split(b"\n")[:-1]
                self.spool.committed(block.position)

    def post(
        self, body: bytes | Iterator[bytes], process: str | None = "bot", token: str | None = TOKEN, **headers: str
    ) -> requests.Response:
        url = f"http://{self.server.address}{http.PATH}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return requests.post(url, body, params={"process": process} if process else {}, headers=sent, timeout=20)

    def close(self) -> None:
        self._closing.set()
        if self._committer.ident is not None:
            self._committer.join()
        self.server.show(None)
        self.spool.close()
        self.server.close()


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Receiver]:
    """One whose spool nobody reads."""
    receiver = Receiver(tmp_path)
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(idle: Receiver) -> Receiver:
    idle.start()
    return idle


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_lines_are_answered_when_they_are_committed(receiver: Receiver) -> None:
    answer = receiver.post(b'{"n": 1}\n{"n": 2}\n')
    assert (answer.status_code, answer.json()) == (200, {"lines": 2})
    assert receiver.lines == [b'{"n": 1}', b'{"n": 2}']
    assert receiver.spool.waiting == 0


def test_nothing_is_answered_before(idle: Receiver) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(idle.post, b"1\n")
        until(lambda: idle.spool.waiting == 2)
        time.sleep(0.1)
        assert not answer.done()
        idle.start()
        assert answer.result().status_code == 200


def test_a_last_line_gets_its_newline(receiver: Receiver) -> None:
    assert receiver.post(b'{"n": 1}').json() == {"lines": 1}
    assert receiver.post(b'{"n": 2}').json() == {"lines": 1}
    assert receiver.lines == [b'{"n": 1}', b'{"n": 2}']


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("zstd", zstd.compress), ("GZIP", gzip.compress), ("identity", bytes)],
)
def test_bodies_may_be_compressed(receiver: Receiver, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert receiver.post(pack(b"1\n2\n"), Content_Encoding=encoding).json() == {"lines": 2}
    assert receiver.lines == [b"1", b"2"]


def test_bodies_may_come_in_chunks_of_unknown_number(receiver: Receiver) -> None:
    assert receiver.post(iter([b"1\n2", b"2\n", b"3"])).json() == {"lines": 3}
    assert receiver.lines == [b"1", b"22", b"3"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"", {}, 400, "the body is empty: send one JSON object per line"),
        (b" \n\r\n", {}, 400, "the body is empty"),
        (b'\xef\xbb\xbf [{"n": 1},\n{"n": 2}]', {}, 400, "one JSON object per line, without [ ] and commas"),
        (gzip.compress(b"1\n")[:-1], {"Content_Encoding": "gzip"}, 400, "not valid gzip: its end is missing"),
        (b"1\n", {"Content_Encoding": "zstd"}, 400, "send it again, or without Content-Encoding"),
        (b"1\n", {"Content_Encoding": "br"}, 415, "use gzip or zstd, or none"),
        (b"1\n" * (MOST_BODY_BYTES // 2 + 1), {}, 413, "at most 16 MiB, decompressed"),
        (gzip.compress(bytes(MOST_BODY_BYTES + 1)), {"Content_Encoding": "gzip"}, 413, "at most 16 MiB, decompressed"),
        (zstd.compress(bytes(2**30)), {"Content_Encoding": "zstd"}, 413, "at most 16 MiB, decompressed"),
    ],
)
def test_a_wrong_body_is_refused_with_what_to_do(
    receiver: Receiver, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    answer = receiver.post(body, **headers)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert receiver.post(b"1\n").status_code == 200
    assert receiver.lines == [b"1"]


def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(receiver: Receiver) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 2**20 + 1):
            yield b"x" * 2**20

    assert receiver.post(pieces()).status_code == 413


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_without_the_token_nothing_is_taken(receiver: Receiver, token: str | None) -> None:
    answer = receiver.post(b"1\n", token=token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "--events-token-file" in answer.json()["error"]
    assert receiver.lines == []


def test_a_server_without_token_takes_what_comes(receiver: Receiver) -> None:
    server = EventsServer("127.0.0.1", 0, None)
    server.show({"bot": receiver.spool})
    url = f"http://{server.address}{http.PATH}?process=bot"
    assert requests.post(url, b"1\n", timeout=20).status_code == 200
    server.close()


def test_a_process_has_to_be_named_and_known(receiver: Receiver) -> None:
    assert receiver.post(b"1\n", process=None).status_code == 400
    answer = receiver.post(b"1\n", process="bit")
    assert answer.status_code == 404
    assert "no process 'bit' has a log with `source: http`" in answer.json()["error"]


def test_only_posts_to_the_one_path_are_taken(receiver: Receiver) -> None:
    assert requests.get(f"http://{receiver.server.address}{http.PATH}", timeout=20).status_code == 405
    assert requests.post(f"http://{receiver.server.address}/v1/event", b"1\n", timeout=20).status_code == 404


def test_who_comes_while_too_much_waits_is_asked_to_come_back(idle: Receiver) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(idle.post, b"x" * LIMIT)
        until(lambda: idle.spool.full)
        second = idle.post(b"2\n")
        assert (second.status_code, second.headers["Retry-After"]) == (429, "5")
        idle.start()
        assert first.result().status_code == 200
    assert idle.post(b"2\n").status_code == 200
    assert idle.lines == [b"x" * LIMIT, b"2"]


def test_bodies_on_their_way_take_a_bounded_amount_of_memory(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MOST_HELD_BYTES", 100)
    for _ in range(3):
        assert receiver.post(b"x" * 101).status_code == 429
        assert receiver.post(b"x" * 99).status_code == 200  # what was held has been let go


def test_who_waits_when_the_exporter_stops_is_asked_to_send_it_again(idle: Receiver) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(idle.post, b"1\n")
        until(lambda: idle.spool.waiting == 2)
        idle.server.show(None)
        idle.spool.close()
        assert (first.result().status_code, first.result().headers["Retry-After"]) == (503, "5")
    assert idle.post(b"2\n").status_code == 503


def test_who_waits_for_too_long_is_told_so_and_the_lines_are_kept(
    idle: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_ANSWER_SECONDS", 0.1)
    answer = idle.post(b"1\n")
    assert answer.status_code == 503
    assert "kept, but not stored yet" in answer.json()["error"]
    monkeypatch.undo()
    idle.start()
    assert idle.post(b"2\n").status_code == 200
    assert idle.lines == [b"1", b"2"]


def test_a_body_that_does_not_come_is_not_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.1)
    host, _, port = receiver.server.address.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        head = f"POST {http.PATH}?process=bot HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
        client.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n1\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_hundred_may_wait_at_once_and_one_commit_answers_them_all(idle: Receiver) -> None:
    with ThreadPoolExecutor(100) as pool:
        answers = [pool.submit(idle.post, b"%03d\n" % number) for number in range(100)]
        until(lambda: idle.spool.waiting == 400)
        idle.start()
        assert {answer.result().status_code for answer in answers} == {200}
    assert sorted(idle.lines) == [b"%03d" % number for number in range(100)]


def test_a_port_that_is_taken_is_an_error(receiver: Receiver) -> None:
    port = int(receiver.server.address.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        EventsServer("127.0.0.1", port, None)
