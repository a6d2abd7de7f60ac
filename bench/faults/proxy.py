"""A proxy between exporter and Elasticsearch that misbehaves on bulk requests."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Bulk:
    """One bulk request, on which a fault may `ask` the server, `reply`, or `cut` the connection."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes, upstream: str, released: threading.Event) -> None:
        """Stand for the request that ``handler`` has read."""
        self.body = body
        self.released = released  # set when the proxy closes: nothing may hang for longer
        self._handler = handler
        self._upstream = upstream

    def ask(self, body: bytes | None = None, path: str | None = None) -> Answer:
        """Return the real server's answer, to another body or path if one is given."""
        connection = http.client.HTTPConnection(self._upstream, timeout=120)
        try:
            handler = self._handler
            headers = {name: text for name, text in handler.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(handler.command, path or handler.path, self.body if body is None else body, headers)
            response = connection.getresponse()
            kept = tuple((name, text) for name, text in response.getheaders() if name.lower() not in _HOP_BY_HOP)
            return Answer(response.status, kept, response.read())
        finally:
            connection.close()

    def reply(self, answer: Answer, length: int | None = None) -> None:
        """Answer; of the body only ``length`` bytes, though the header promises all."""
        handler = self._handler
        handler.send_response_only(answer.status)
        for name, text in answer.headers:
            handler.send_header(name, text)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer.body[:length])
        handler.wfile.flush()

    def cut(self) -> None:
        """Reset the connection."""
        self._handler.close_connection = True
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Misbehave = Callable[[Bulk], None]


class Proxy:
    """Listens on a free port; ``misbehave`` is asked what to do with each bulk request, None forwards all."""

    def __init__(self, url: str) -> None:
        """Stand before the server at ``url``."""
        self.misbehave: Misbehave | None = None
        self._released = threading.Event()
        upstream = urlsplit(url).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                bulk = Bulk(self, body, upstream, proxy._released)
                try:
                    if proxy.misbehave is not None and self.path.startswith("/_bulk"):
                        proxy.misbehave(bulk)
                    else:
                        bulk.reply(bulk.ask())
                except (OSError, http.client.HTTPException):
                    bulk.cut()  # one of the two sides has gone away

            do_GET = do_POST = do_PUT = do_HEAD = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing of every request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and let go of what hangs."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


def throttle(bulk: Bulk) -> None:
    """Answer 429, as Elasticsearch does."""
    error = {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}
    _refuse(bulk, 429, json.dumps({"error": error, "status": 429}).encode(), "application/json")


def unavailable(bulk: Bulk) -> None:
    """Answer 503, as a load balancer does."""
    _refuse(bulk, 503, b"<html>no server is available</html>", "text/html")


def _refuse(bulk: Bulk, status: int, body: bytes, content_type: str) -> None:
    headers = [("Content-Type", content_type)]
    if content_type == "application/json":
        headers.append(("X-Elastic-Product", "Elasticsearch"))
    bulk.reply(Answer(status, tuple(headers), body))


def half(bulk: Bulk) -> None:
    """Hand every second item to the server, and answer 429 for the others."""
    lines = bulk.body.splitlines(keepends=True)
    pairs = [b"".join(lines[i : i + 2]) for i in range(0, len(lines), 2)]
    answer = bulk.ask(b"".join(pairs[::2]), "/_bulk")  # the whole answer, whatever part of it was asked for
    stored = iter(json.loads(answer.body)["items"])
    error = {"type": "es_rejected_execution_exception", "reason": "rejected"}
    actions = [next(iter(json.loads(pair.splitlines()[0]))) for pair in pairs]
    items = [
        {action: {"status": 429, "error": error}} if number % 2 else next(stored)
        for number, action in enumerate(actions)
    ]
    bulk.reply(Answer(200, answer.headers, json.dumps({"errors": True, "items": items}).encode()))


def cut_answer(bulk: Bulk) -> None:
    """Let the server store everything, and cut the connection in the middle of its answer."""
    answer = bulk.ask()
    bulk.reply(answer, len(answer.body) // 2)
    bulk.cut()


def hang(bulk: Bulk) -> None:
    """Let the server store everything, and never answer."""
    bulk.ask()
    bulk.released.wait(600)
    bulk.cut()
