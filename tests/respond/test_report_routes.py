"""The address of reports, as the link in an alert leads to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from aiwatch.profiles.result import Result, result_id
from aiwatch.report import render_report
from aiwatch.respond.app import create_app
from aiwatch.respond.memory_store import MemoryStore
from tests.respond.rig import Reports, Rig

START = datetime(2026, 3, 1, 7, tzinfo=UTC)
RESULT = Result(
    id=result_id("card-fraud", START),
    time=START,
    end=START + timedelta(hours=1),
    process="card-fraud",
    model_version="7",
    baseline="b",
    rows=2000,
    state="drift",
    findings=(),
    text="The feed of terminals is down.",
)


def client(reports: Reports) -> TestClient:
    return TestClient(create_app(MemoryStore(), Rig().responses, reports, "token"))


def test_the_link_in_an_alert_leads_to_the_report_which_may_run_and_fetch_nothing() -> None:
    answer = client(Reports({RESULT.id: RESULT})).get("/reports/card-fraud:20260301T0700Z")
    assert (answer.status_code, answer.text) == (200, render_report(RESULT))
    assert "The feed of terminals is down." in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")


def test_a_report_that_is_not_there_or_cannot_be_read_is_told() -> None:
    answer = client(Reports()).get("/reports/card-fraud:20260301T0700Z")
    assert (answer.status_code, answer.text) == (404, "There is no report card-fraud:20260301T0700Z\n")
    answer = client(Reports(None)).get("/reports/card-fraud:20260301T0700Z")
    assert (answer.status_code, "cannot be read now" in answer.text) == (503, True)
