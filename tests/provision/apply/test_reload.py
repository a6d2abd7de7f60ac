"""What is said when a server does not take its configuration; real servers are in tests/integration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aiwatch.provision.apply.reload import ReloadError, reload_alertmanager, reload_prometheus


@contextmanager
def answering(status: int, text: str, metrics: str = "") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.reply(status, text)

        def do_GET(self) -> None:
            self.reply(200, metrics)

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_prometheus_that_may_not_be_reloaded_is_told_how_to_be_started() -> None:
    with (
        answering(403, "Lifecycle API is not enabled.") as url,
        pytest.raises(ReloadError, match=r"answered 403: Lifecycle API is not enabled\.; start it with"),
    ):
        reload_prometheus(url)


def test_a_failure_that_only_the_metrics_show_is_told() -> None:
    with (
        answering(200, "", "# TYPE x gauge\nalertmanager_config_last_reload_successful 0\n") as url,
        pytest.raises(ReloadError, match="goes on with its former configuration"),
    ):
        reload_alertmanager(url)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ReloadError, match=r"Prometheus at http://127\.0\.0\.1:9 did not reload"):
        reload_prometheus("http://127.0.0.1:9")
