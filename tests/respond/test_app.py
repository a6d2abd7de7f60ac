"""The responder's addresses, asked as Alertmanager, a browser, a script and Prometheus ask them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from starlette.testclient import TestClient

from aiwatch.respond.answers import MAX_BODY_BYTES
from aiwatch.respond.app import create_app
from aiwatch.respond.elasticsearch_store import ElasticsearchStore
from aiwatch.respond.memory_store import MemoryStore
from aiwatch.respond.runbook_page import runbooks
from tests.respond.rig import Reports, Rig

TOKEN = "s3cret-token"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
START = datetime(2026, 1, 2, 12, tzinfo=UTC)


def alert(name: str = "ChatConfidenceLow", **changes: Any) -> dict[str, Any]:
    labels = {
        "alertname": name,
        "severity": "warning",
        "process": "support-chatbot",
        **changes.pop("labels", {}),
    }
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{name} summary"},
        "startsAt": "2026-01-02T11:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{name}-{labels['process']}",
        **changes,
    }


def payload(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": "g", "receiver": "responder", "alerts": list(alerts), **changes}


def resolved(of: dict[str, Any]) -> dict[str, Any]:
    return {**of, "status": "resolved", "endsAt": "2026-01-02T12:05:00Z"}


@pytest.fixture
def client() -> TestClient:
    """A client of an application whose clock goes on by one second with each look at it."""
    ticks = iter(range(10_000))
    return TestClient(
        create_app(MemoryStore(), Rig().responses, Reports(), TOKEN, now=lambda: START + timedelta(seconds=next(ticks)))
    )


@pytest.fixture
def send(client: TestClient) -> Callable[..., Any]:
    def post(*alerts: dict[str, Any], **changes: Any) -> Any:
        answer = client.post("/api/v1/notifications", json=payload(*alerts, **changes), headers=AUTHORIZATION)
        assert answer.status_code == 200, answer.text
        return answer

    return post


@pytest.fixture
def unreachable() -> Iterator[TestClient]:
    """A client of an application whose Elasticsearch does not answer: the port is taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Elasticsearch(f"http://127.0.0.1:{taken.getsockname()[1]}") as elasticsearch:
            yield TestClient(create_app(ElasticsearchStore(elasticsearch), Rig().responses, Reports(), TOKEN))


def names(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/inbox{query}")
    assert answer.status_code == 200, answer.text
    return [entry["alertname"] for entry in answer.json()["entries"]]


def sample(client: TestClient, series: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(series)).rsplit(" ", 1)[1])


def test_a_notification_is_found_in_the_inbox_with_all_that_it_said(
    client: TestClient, send: Callable[..., Any]
) -> None:
    assert send(alert(generatorURL="http://p/"), externalURL="http://a").json() == {"alerts": 1}
    (entry,) = client.get("/api/v1/inbox").json()["entries"]
    assert len(entry.pop("id")) == 32
    assert entry == {
        "@timestamp": "2026-01-02T12:00:00Z",
        "status": "firing",
        "current": True,
        "alertname": "ChatConfidenceLow",
        "process": "support-chatbot",
        "severity": "warning",
        "starts_at": "2026-01-02T11:59:00Z",
        "ends_at": None,
        "last_received_at": "2026-01-02T12:00:00Z",
        "deliveries": 1,
        "fingerprint": "ChatConfidenceLow-support-chatbot",
        "receiver": "responder",
        "group_key": "g",
        "labels": {"alertname": "ChatConfidenceLow", "severity": "warning", "process": "support-chatbot"},
        "annotations": {"summary": "ChatConfidenceLow summary"},
        "generator_url": "http://p/",
        "external_url": "http://a",
    }


def test_a_repetition_is_counted_and_not_doubled(client: TestClient, send: Callable[..., Any]) -> None:
    send(alert())
    send(alert(), alert("Other"))
    entries = {entry["alertname"]: entry for entry in client.get("/api/v1/inbox").json()["entries"]}
    assert {name: entry["deliveries"] for name, entry in entries.items()} == {
        "ChatConfidenceLow": 2,
        "Other": 1,
    }
    assert entries["ChatConfidenceLow"]["@timestamp"] == "2026-01-02T12:00:00Z"
    assert entries["ChatConfidenceLow"]["last_received_at"] == "2026-01-02T12:00:01Z"


def test_the_page_shows_what_fires_before_what_is_resolved(client: TestClient, send: Callable[..., Any]) -> None:
    send(alert("StillFiring"))
    send(alert("Over"))
    send(resolved(alert("Over")))
    text = client.get("/").text
    assert 0 < text.index("StillFiring") < text.index(">Resolved</h2>") < text.index("<h3>Over</h3>")
    assert text.count("<h3>Over</h3>") == 1
    assert names(client, "?status=firing") == ["StillFiring"]


def test_the_page_needs_no_script_and_allows_none(client: TestClient, send: Callable[..., Any]) -> None:
    send(alert("<script>alert(1)</script>"))
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_page_and_json_filter_by_process_and_status(client: TestClient, send: Callable[..., Any]) -> None:
    send(alert("A"), alert("B", labels={"process": "card-fraud"}), resolved(alert("C")))
    assert sorted(names(client, "?process=support-chatbot")) == ["A", "C"]
    assert names(client, "?process=support-chatbot&status=resolved") == ["C"]
    text = client.get("/?process=card-fraud").text
    assert "<h3>B</h3>" in text
    assert "<h3>A</h3>" not in text


def test_the_inbox_is_paged_without_a_gap_even_within_one_delivery(
    client: TestClient, send: Callable[..., Any]
) -> None:
    for first in (0, 3, 6):
        send(*(alert(f"A{number}") for number in range(first, first + 3)))
    seen: list[str] = []
    query = "?limit=2"
    while query:
        answer = client.get(f"/api/v1/inbox{query}").json()
        seen += [entry["alertname"] for entry in answer["entries"]]
        query = f"?limit=2&before={answer['next']}" if answer["next"] else ""
    assert sorted(seen) == [f"A{number}" for number in range(9)]
    assert {name[1] for name in seen[:3]} == {"6", "7", "8"}, "newest first"
    assert set(names(client, "?before=2026-01-02T12:00:01Z")) == {"A0", "A1", "A2"}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit: '0'"),
        ("limit=501", "limit: '501'"),
        ("limit=many", "limit: 'many'"),
        ("status=lost", "status: 'lost'"),
        ("before=yesterday", "before: 'yesterday'"),
        ("before=2026-01-02T12:00:01", "before: '2026"),
        ("staus=firing", "staus: no such parameter"),
    ],
)
def test_a_wrong_parameter_is_named(client: TestClient, query: str, named: str) -> None:
    for address in ("/", "/api/v1/inbox"):
        answer = client.get(f"{address}?{query}")
        assert answer.status_code == 400
        assert named in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \xfc"},
    ],
)
def test_without_the_token_nothing_is_stored(client: TestClient, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.post("/api/v1/notifications", json=payload(alert()), headers=raw)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert names(client) == []
    assert sample(client, 'aiwatch_notification_errors_total{reason="unauthorized"}') == 1


def test_a_malformed_payload_is_refused_by_the_name_of_the_field(client: TestClient) -> None:
    body = payload(alert(status="lost"))
    answer = client.post("/api/v1/notifications", json=body, headers=AUTHORIZATION)
    assert answer.status_code == 400
    assert "$.alerts[0].status" in answer.json()["error"]
    assert sample(client, 'aiwatch_notification_errors_total{reason="malformed"}') == 1


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(client: TestClient, declared: bool) -> None:
    body = json.dumps(payload(alert())).encode() + b" " * MAX_BODY_BYTES
    chunks = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    answer = client.post("/api/v1/notifications", content=body if declared else chunks, headers=AUTHORIZATION)
    assert answer.status_code == 413
    assert sample(client, 'aiwatch_notification_errors_total{reason="too_large"}') == 1
    assert names(client) == []


def test_when_the_store_is_away_alertmanager_is_told_to_try_again(unreachable: TestClient) -> None:
    answer = unreachable.post("/api/v1/notifications", json=payload(alert()), headers=AUTHORIZATION)
    assert answer.status_code == 503
    assert "aiwatch-notifications" in answer.json()["error"]
    assert sample(unreachable, 'aiwatch_notification_errors_total{reason="store"}') == 1
    assert [unreachable.get(path).status_code for path in ("/", "/api/v1/inbox", "/healthz")] == [503] * 3


def test_health_is_good_when_the_store_can_be_read(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_metrics_count_by_status_and_a_bounded_severity_from_zero(client: TestClient, send: Callable[..., Any]) -> None:
    series = 'aiwatch_notifications_total{severity="%s",status="%s"}'
    assert sample(client, series % ("critical", "firing")) == 0
    send(alert(), alert("B", labels={"severity": "catastrophic"}), resolved(alert("C")))
    send(alert(), truncatedAlerts=3)
    assert sample(client, series % ("warning", "firing")) == 2
    assert sample(client, series % ("warning", "resolved")) == 1
    assert sample(client, series % ("other", "firing")) == 1
    assert sample(client, 'aiwatch_notification_errors_total{reason="truncated"}') == 3
    assert sample(client, 'aiwatch_build_info{version="') == 1


def test_prometheus_gets_openmetrics_when_it_asks_for_it(client: TestClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_every_runbook_is_a_page_and_is_listed(client: TestClient) -> None:
    listed = client.get("/runbooks/").text
    for name in runbooks():
        page = client.get(f"/runbooks/{name}")
        assert page.status_code == 200
        assert f"{name} - runbook" in page.text
        assert f'href="/runbooks/{name}"' in listed


def test_an_unknown_runbook_is_not_found_and_no_path_leads_out_of_the_folder(client: TestClient) -> None:
    assert client.get("/runbooks/Nothing").status_code == 404
    assert client.get("/runbooks/..%2Fpage").status_code == 404
