"""What people receive of ModelDrift: sent by a real Alertmanager, held to what Slack and PagerDuty publish."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import yaml

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.provision.generators import alertmanager
from aiwatch.respond.payload import parse
from tests.contracts import npm
from tools.servers import run

ROOT = Path(__file__).resolve().parents[2]
TESTBEDS = Path(os.environ.get("AIWATCH_TESTBEDS", ROOT.parent / "shared" / "testbeds"))
PAGERDUTY = TESTBEDS / "schemas" / "pagerduty-events-v2.openapi.json"
SLACK = ROOT / "tests" / "contracts" / "slack"
MOST_ATTACHMENTS = 100  # of a message; more are refused (api.slack.com/docs/message-attachments)
LONGEST_MESSAGE = 40_000  # characters, beyond which Slack cuts
LONGEST_SUMMARY, LONGEST_DEDUP_KEY, LARGEST_EVENT = 1024, 255, 512 * 1024  # of PagerDuty's Events API v2

REPORT = "http://localhost:8080/reports/fraud:20260301T0700Z"
EVIDENCE = "terminal_risk: missing 70 %, was 0.5 %"
DRIFT = {
    "labels": {
        "alertname": "ModelDrift",
        "process": "fraud",
        "business_unit": "payments",
        "category": "model_performance",
        "severity": "critical",
    },
    "annotations": {
        "summary": "Fraud score: the score drifts, or what it foretells",
        "description": "12 times the change that matters, at most. Drifting: terminal_risk (12 times what matters), "
        f"score (2.5 times what matters). Likely cause: pipeline.\n- {EVIDENCE}\n- since 07:00, at once",
        "owner": "fraud@example.com",
        "report_url": REPORT,
        "runbook_url": "http://localhost:8080/runbooks/ModelDrift",
        "dashboard_url": "http://localhost:3000/d/aiwatch-fraud",
    },
    "generatorURL": "http://localhost:9090/graph",
}


class Receiver(ThreadingHTTPServer):
    """Takes whatever is posted, and keeps it by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: dict[str, list[Any]] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def wait(self, path: str, wanted: Callable[[Any], bool]) -> Any:
        """Return the first body at a path that is as wanted, once it is there."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for body in list(self.got.get(path, ())):
                if wanted(body):
                    return body
            time.sleep(0.05)
        raise AssertionError(f"nothing like that came to {path}: {self.got.get(path)}")


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.setdefault(self.path, []).append(json.loads(body))
        status = 202 if self.path == "/v2/enqueue" else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok" if status == 200 else b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def sending(
    receiver: Receiver, start_alertmanager: Callable[[Path], run.Server], tmp_path_factory: pytest.TempPathFactory
) -> run.Server:
    """Alertmanager as it is generated, but for the waits of minutes and PagerDuty's address."""
    folder = tmp_path_factory.mktemp("delivery")
    for name, secret in {
        "slack-url": f"{receiver.url}/slack",
        "pager-key": "0123456789abcdef0123456789abcdef",
        "responder-token": "a-token",
    }.items():
        (folder / name).write_text(secret)
    framework = Framework.model_validate(
        {
            "secrets_dir": str(folder),
            "endpoints": {"responder": receiver.url},
            "receivers": [
                {"name": "risk-slack", "slack": {"channel": "#risk", "url_file": "slack-url"}},
                {"name": "oncall", "pagerduty": {"routing_key_file": "pager-key"}},
            ],
            "routes": [
                {"receiver": "risk-slack", "process": "fraud"},
                {"receiver": "oncall", "severity": ["critical"]},
                {"receiver": "risk-slack", "process": "partner"},
                {"receiver": "oncall", "process": "partner", "severity": ["warning", "critical"]},
            ],
        }
    )
    fraud = build_process(
        {"name": "fraud", "title": "Fraud score", "kind": "classifier", "business_unit": "payments", "owner": "a@b.c"}
    )
    text = alertmanager.generate(Catalogue(framework, (fraud,)))["prometheus/generated/alertmanager.yml"]
    config = yaml.safe_load(re.sub(r"group_(wait|interval): \d+[sm]", r"group_\1: 1s", text))
    config["global"] = {"pagerduty_url": f"{receiver.url}/v2/enqueue"}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    server = start_alertmanager(folder / "alertmanager.yml")
    fire(server, DRIFT)
    return server


def fire(server: run.Server, *alerts: dict[str, Any], ends: datetime | None = None) -> None:
    end = {"endsAt": ends.isoformat()} if ends else {}
    body = [{**alert, **end} for alert in alerts]
    requests.post(f"{server.url}/api/v2/alerts", json=body, timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def message(receiver: Receiver, sending: run.Server) -> dict[str, Any]:
    found: dict[str, Any] = receiver.wait("/slack", lambda body: "FIRING" in body["attachments"][0]["title"])
    return found


@pytest.fixture(scope="module")
def event(receiver: Receiver, sending: run.Server) -> dict[str, Any]:
    found: dict[str, Any] = receiver.wait("/v2/enqueue", lambda body: body["event_action"] == "trigger")
    return found


def test_slack_is_told_features_cause_evidence_and_where_the_report_is(message: dict[str, Any]) -> None:
    assert message["channel"] == "#risk"
    [attachment] = message["attachments"]
    assert attachment["title"] == "[FIRING:1] Fraud score: the score drifts, or what it foretells"
    assert attachment["title_link"] == REPORT
    assert attachment["color"] == "danger"
    for told in ("terminal_risk (12 times what matters)", "Likely cause: pipeline", EVIDENCE, f"<{REPORT}|Report>"):
        assert told in attachment["text"]
    assert "text" in attachment["mrkdwn_in"]


def test_what_slack_is_sent_keeps_within_its_documented_limits(message: dict[str, Any]) -> None:
    assert len(message["attachments"]) <= MOST_ATTACHMENTS
    assert len(json.dumps(message)) <= LONGEST_MESSAGE
    assert re.fullmatch("good|warning|danger|#[0-9a-fA-F]{6}", message["attachments"][0]["color"])


@pytest.mark.parametrize("broken", [False, True], ids=["sent", "broken"])
def test_what_slack_is_sent_is_a_message_by_slacks_own_types(
    message: dict[str, Any], tmp_path: Path, broken: bool
) -> None:
    slack = npm.install(SLACK / "package.json", "slack-types")
    if broken:
        [attachment] = message["attachments"]
        message = {**message, "attachments": [{**attachment, "titel": "x"}]}
    said = npm.complaints(slack, SLACK / "types.ts", tmp_path, "Message", {"message": json.dumps(message)})
    if broken:
        assert "titel" in said
    else:
        assert said == ""


def events_schema() -> dict[str, Any]:
    """Return the schema of an event, with what it refers to."""
    if not PAGERDUTY.is_file():
        pytest.skip(f"NOT CHECKED against PagerDuty's schema: {PAGERDUTY} is missing; AIWATCH_TESTBEDS names another")
    published = json.loads(PAGERDUTY.read_text())
    schema = published["paths"]["/enqueue"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return {**schema, "components": published["components"]}


def test_pagerduty_is_sent_an_event_by_its_published_schema(event: dict[str, Any]) -> None:
    schema = events_schema()
    jsonschema.validate(event, schema)
    without = {**event, "payload": {key: value for key, value in event["payload"].items() if key != "severity"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(without, schema)


def test_pagerduty_is_told_the_same_and_where_the_report_is(event: dict[str, Any]) -> None:
    payload = event["payload"]
    assert (payload["severity"], payload["class"], payload["component"], payload["group"]) == (
        "critical",
        "ModelDrift",
        "fraud",
        "payments",
    )
    assert payload["summary"] == DRIFT["annotations"]["summary"]
    assert EVIDENCE in payload["custom_details"]["firing"]
    assert {"href": REPORT, "text": "Report"} in event["links"]
    assert len(payload["summary"]) <= LONGEST_SUMMARY
    assert len(event["dedup_key"]) <= LONGEST_DEDUP_KEY
    assert len(json.dumps(event)) <= LARGEST_EVENT


def test_the_responder_is_told_the_process_and_the_report(receiver: Receiver, sending: run.Server) -> None:
    body = receiver.wait("/api/v1/notifications", lambda body: body["status"] == "firing")
    [alert] = parse(json.dumps(body).encode()).alerts
    assert (alert.labels["alertname"], alert.labels[names.PROCESS]) == ("ModelDrift", "fraud")
    assert alert.annotations["report_url"] == REPORT


def test_an_alert_without_a_report_has_no_link_to_one(receiver: Receiver, sending: run.Server) -> None:
    annotations = {key: value for key, value in DRIFT["annotations"].items() if key != "report_url"}
    labels = {**DRIFT["labels"], "alertname": "ErrorRateHigh", "category": "system_health"}
    fire(sending, {"labels": labels, "annotations": annotations})
    told = receiver.wait("/slack", lambda body: "Report" not in body["attachments"][0]["text"])
    assert told["attachments"][0]["title_link"] == annotations["dashboard_url"]
    event = receiver.wait("/v2/enqueue", lambda body: body["payload"]["class"] == "ErrorRateHigh")
    assert [link["text"] for link in event["links"]] == ["Runbook", "Dashboard"]


def test_what_fires_is_told_first_and_not_what_is_over_in_the_same_group(
    receiver: Receiver, sending: run.Server
) -> None:
    critical, warning = (
        {
            **DRIFT,
            "labels": {**DRIFT["labels"], "process": "partner", "severity": severity},
            "annotations": {
                **DRIFT["annotations"],
                "summary": f"Partner: {severity}",
                "report_url": f"{REPORT}-{severity}",
            },
        }
        for severity in ("critical", "warning")
    )
    fire(sending, critical)
    receiver.wait("/slack", lambda body: "Partner: critical" in body["attachments"][0]["title"])
    fire(sending, critical, ends=datetime.now(UTC) - timedelta(seconds=1))
    fire(sending, warning)
    told = receiver.wait("/slack", lambda body: "Partner: warning" in body["attachments"][0]["text"])["attachments"][0]
    assert "Partner: critical* (critical, resolved)" in told["text"]
    assert told["title"] == "[FIRING:1] Partner: warning"
    assert (told["title_link"], told["color"]) == (f"{REPORT}-warning", "warning")
    event = receiver.wait("/v2/enqueue", lambda body: "Partner: warning" in str(body))
    assert (event["payload"]["summary"], event["payload"]["severity"]) == ("Partner: warning", "warning")
    assert event["links"][0] == {"href": f"{REPORT}-warning", "text": "Report"}


def test_when_it_is_over_everybody_is_told(receiver: Receiver, sending: run.Server, event: dict[str, Any]) -> None:
    fire(sending, DRIFT, ends=datetime.now(UTC) - timedelta(seconds=1))
    receiver.wait("/slack", lambda body: "RESOLVED" in body["attachments"][0]["title"])
    key = event["dedup_key"]
    receiver.wait("/v2/enqueue", lambda body: (body["event_action"], body["dedup_key"]) == ("resolve", key))
