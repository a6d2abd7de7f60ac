"""A server that answers bulk requests at once and forgets them: ``python -m bench.engine.stub`` prints its address.

It stands in for Elasticsearch where the exporter or a peer is measured, not the server.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.engine.timing import CORES

_VERSION = {
    "name": "stub",
    "version": {"number": "8.19.0", "build_flavor": "default"},
    "tagline": "You Know, for Search",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    documents = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Say who this is, or how many documents came."""
        taken = self.path == "/documents"
        self._answer(json.dumps({"documents": self.server.documents} if taken else _VERSION).encode())

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Take a bulk request, or find every interaction that is asked for."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        path = self.path.partition("?")[0]
        if path.endswith("_bulk"):
            number = body.count(b"\n") // 2
            action = body[2 : body.index(b'"', 2)]
            self.server.documents += number if action != b"update" else 0
            items = b",".join([b'{"%b":{"status":201}}' % action] * number)
            self._answer(b'{"took":0,"errors":false,"items":[%b]}' % items)
        elif path.endswith("_search"):
            ids = json.loads(body)["query"]["ids"]["values"]
            hits = [{"_index": "x", "_id": each, "_seq_no": 1, "_primary_term": 1, "_source": {}} for each in ids]
            self._answer(json.dumps({"hits": {"hits": hits}}).encode())
        else:
            self._answer(b"{}")

    do_PUT = do_POST

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of every request."""


class Stub:
    """The address of a running server, and what came."""

    def __init__(self, url: str) -> None:
        """Look at the server at ``url``."""
        self.url = url

    @property
    def documents(self) -> int:
        """How many documents came so far."""
        with urllib.request.urlopen(f"{self.url}/documents", timeout=10) as answer:
            return int(json.load(answer)["documents"])


@contextmanager
def bulk_stub(core: int = CORES[-1]) -> Iterator[Stub]:
    """Run the server in a process of its own, on the given core."""
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "bench.engine.stub"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Stub(process.stdout.readline().strip())
        finally:
            process.terminate()


def main() -> None:
    """Serve until killed."""
    server = _Server(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
