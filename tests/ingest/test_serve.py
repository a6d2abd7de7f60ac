"""/metrics over real HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.exposition import OPENMETRICS, PLAIN, Exposition
from aiwatch.ingest.self_metrics import SelfMetrics
from aiwatch.ingest.serve import MetricsServer
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta

PROMETHEUS = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5"


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    state = MetricState(all_metrics())
    delta = Delta()
    delta.count("ai_sessions_total", ("bot",), 3)
    state.publish(state.prepare([delta], 1.0))
    state.mature(state.ripe(0.0)[0])
    own = SelfMetrics()
    own.observe_lag("bot", 17, None)
    server = MetricsServer("127.0.0.1", 0, Exposition(state), own)
    yield server
    server.close()


def ask(server: MetricsServer, path: str = "/metrics", method: str = "GET", accept: str = "") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(server.address, timeout=5)
    connection.request(method, path, headers={"Accept": accept} if accept else {})
    response = connection.getresponse()
    found = response.status, response.headers["Content-Type"], response.read().decode()
    connection.close()
    return found


def test_metrics_are_plain_text_unless_openmetrics_is_asked_for(server: MetricsServer) -> None:
    status, content_type, text = ask(server)
    assert (status, content_type) == (200, PLAIN)
    assert 'ai_sessions_total{process="bot"} 3.0' in text
    assert "# EOF" not in text
    status, content_type, text = ask(server, accept=PROMETHEUS)
    assert (status, content_type) == (200, OPENMETRICS)
    names = [family.name for family in text_string_to_metric_families(text)]
    assert {"ai_sessions", "aiwatch_build", "aiwatch_up", "aiwatch_lag_bytes", "process_resident_memory_bytes"} <= {
        *names
    }
    assert len(names) == len(set(names))


def test_head_is_answered_without_a_body_and_the_connection_stays_usable(server: MetricsServer) -> None:
    connection = http.client.HTTPConnection(server.address, timeout=5)
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, "/metrics?name[]=x")
        response = connection.getresponse()
        assert response.status == 200
        assert (len(response.read()) == 0) == (method == "HEAD")
    connection.close()


def test_health_and_other_paths(server: MetricsServer) -> None:
    assert ask(server, "/healthz")[0::2] == (200, "ok\n")
    assert ask(server, "/")[0] == 404


def test_a_scraper_that_goes_away_does_no_harm(server: MetricsServer, capfd: pytest.CaptureFixture[str]) -> None:
    host, _, port = server.address.rpartition(":")
    for _ in range(5):
        gone = socket.create_connection((host, int(port)))
        gone.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.close()
    assert ask(server)[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_that_is_taken_is_an_error(server: MetricsServer) -> None:
    with pytest.raises(OSError, match="in use"):
        MetricsServer("127.0.0.1", int(server.address.rpartition(":")[2]), Exposition(MetricState([])), SelfMetrics())
