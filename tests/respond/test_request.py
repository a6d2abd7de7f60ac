"""A request ends, whatever the other side does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from aiwatch.respond.request import Whole, request

Talk = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"


@contextmanager
def speaker(talk: Talk) -> Iterator[str]:
    """Yield the address of one who says whatever ``talk`` sends after the request has come, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


def test_a_whole_answer_comes_back_and_no_redirect_is_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 5\r\n\r\nhello"
    with speaker(lambda connection: connection.sendall(moved)) as url:
        assert request("GET", url, 5.0) == Whole(302, b"hello", "/there")


@pytest.mark.parametrize(
    ("talk", "error", "said"),
    [
        (drip, requests.Timeout, "did not end within 0.3 s"),
        (lambda connection: time.sleep(0.6), requests.Timeout, "timed out"),
        (lambda connection: connection.sendall(HEAD + b"he"), requests.ConnectionError, "broke off|IncompleteRead"),
        (lambda connection: connection.sendall(b"SSH-2.0\r\n"), requests.ConnectionError, "BadStatusLine|SSH"),
        (lambda connection: None, requests.ConnectionError, "closed|reset|aborted"),
    ],
)
def test_an_answer_that_is_none_is_an_error_in_time(talk: Talk, error: type[Exception], said: str) -> None:
    started = time.monotonic()
    with speaker(talk) as url:
        with pytest.raises(error, match=said):
            request("GET", url, 0.3)
        assert time.monotonic() - started < 2


def test_an_answer_without_end_is_not_kept() -> None:
    with speaker(flood) as url, pytest.raises(requests.ConnectionError, match="longer than 1048576 bytes"):
        request("GET", url, 60.0)
