"""The HTTP side of the exporter: /metrics and /healthz."""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from aiwatch.ingest.exposition import OPENMETRICS, PLAIN, Renders
from aiwatch.ingest.self_metrics import SelfMetrics

_LOG = logging.getLogger(__name__)


def full_text(exposition: Renders, self_metrics: SelfMetrics, openmetrics: bool) -> bytes:
    """Return everything that /metrics shows."""
    domain = exposition.render(openmetrics).encode()
    generate = generate_openmetrics if openmetrics else generate_latest
    return domain + generate(self_metrics.registry)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which HTTPServer does and which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line that a scrape failed; most often the scraper has gone away."""
        _LOG.info("a request from %s failed: %r", client_address, sys.exception())


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class MetricsServer:
    """Serves the metrics until closed, from threads of its own."""

    def __init__(self, host: str, port: int, exposition: Renders, self_metrics: SelfMetrics) -> None:
        """Listen on ``host`` and ``port`` (0: any free one).

        Raises:
            OSError: the port is taken or not allowed.
        """
        self.show(exposition, self_metrics)
        shown = self._now

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    wanted = "application/openmetrics-text" in self.headers.get("Accept", "")
                    body = full_text(*shown(), wanted)
                    self._answer(200, OPENMETRICS if wanted else PLAIN, body)
                elif path == "/healthz":
                    self._answer(200, "text/plain; charset=utf-8", b"ok\n")
                else:
                    self._answer(404, "text/plain; charset=utf-8", b"aiwatch exporter: see /metrics\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing of every scrape."""

        self._server = (_ServerV6 if ":" in host else _Server)((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def show(self, exposition: Renders, self_metrics: SelfMetrics) -> None:
        """Serve these metrics from now on."""
        self._shown = (exposition, self_metrics)

    def _now(self) -> tuple[Renders, SelfMetrics]:
        return self._shown

    @property
    def address(self) -> str:
        """Where the metrics are, as host:port."""
        host, port = self._server.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
