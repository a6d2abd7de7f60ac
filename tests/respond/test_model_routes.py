"""The addresses about models, asked as a browser, a scheduler and a person ask them."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from aiwatch.respond.app import create_app
from aiwatch.respond.memory_store import MemoryStore
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.store import StoreError
from tests.respond.rig import PROCESS, Reports, Rig, Switch, drift_alert, hour

TOKEN = "s3cret-token"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
RESUME = f"/api/v1/models/{PROCESS}/resume"
ADA = {"by": "Ada", "reason": "the feed is mended"}


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def client(rig: Rig) -> TestClient:
    return TestClient(create_app(MemoryStore(), rig.responses, Reports(), TOKEN, rig.clock))


def deliver(client: TestClient) -> Any:
    alert = {
        "status": "firing",
        "labels": {"alertname": "ModelDrift", "process": PROCESS},
        "annotations": {},
        "startsAt": "2026-03-01T09:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f",
    }
    payload = {"version": "4", "groupKey": "g", "receiver": "responder", "alerts": [alert]}
    return client.post("/api/v1/notifications", json=payload, headers=AUTHORIZATION)


def test_the_gate_closes_as_soon_as_the_alert_was_taken_and_opens_when_a_person_resumes(
    client: TestClient, rig: Rig
) -> None:
    def gate() -> Any:
        return client.get(f"/api/v1/gate/{PROCESS}").json()

    assert (gate()["allowed"], gate()["reason"]) == (True, "not under review")
    assert deliver(client).status_code == 200
    assert gate() == {
        "process": PROCESS,
        "allowed": False,
        "reason": "under review since 2026-03-01 09:00 UTC",
        "under_review": True,
        "since": "2026-03-01T09:00:00Z",
        "quarantined": [],
        "url": f"http://inbox/models/{PROCESS}",
    }
    rig.work()
    assert gate()["quarantined"] == [{"start": "2026-03-01T09:00:00Z", "end": None, "model_version": None}]
    answer = client.post(RESUME, json=ADA, headers=AUTHORIZATION)
    assert (answer.status_code, answer.json()) == (200, gate())
    assert gate()["allowed"]


def test_resuming_twice_is_told_apart_from_resuming(client: TestClient) -> None:
    assert client.post(RESUME, json=ADA, headers=AUTHORIZATION).status_code == 409
    deliver(client)
    assert client.post(RESUME, json=ADA, headers=AUTHORIZATION).status_code == 200
    again = client.post(RESUME, json=ADA, headers=AUTHORIZATION)
    assert (again.status_code, again.json()) == (
        409,
        {"error": f"{PROCESS} is not under review: Ada resumed it at 2026-03-01 09:00 UTC"},
    )


@pytest.mark.parametrize(
    "said",
    [{}, {"by": "Ada"}, {"by": " ", "reason": "x"}, {**ADA, "reason": ""}, {**ADA, "why": "x"}, [], {**ADA, "by": 7}],
)
def test_resuming_takes_a_name_and_a_reason(client: TestClient, said: Any) -> None:
    deliver(client)
    answer = client.post(RESUME, json=said, headers=AUTHORIZATION)
    assert (answer.status_code, answer.json()["error"].startswith("who resumes, and why? ")) == (400, True)
    assert "regex" not in answer.json()["error"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_resuming_takes_the_token(client: TestClient, headers: dict[str, str]) -> None:
    deliver(client)
    assert client.post(RESUME, json=ADA, headers=headers).status_code == 401
    assert not client.get(f"/api/v1/gate/{PROCESS}").json()["allowed"]


def test_a_process_that_is_no_model_is_told_with_a_guess(client: TestClient) -> None:
    for answer in (
        client.get("/api/v1/gate/card-frau"),
        client.post("/api/v1/models/card-frau/resume", json=ADA, headers=AUTHORIZATION),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"] == "the catalogue has no model called 'card-frau'; did you mean 'card-fraud'?"
    assert client.get("/models/card-frau").status_code == 404


def test_nothing_is_promised_that_could_not_be_written_down() -> None:
    class Away(MemoryTrail):
        def create(self, entry: Any) -> bool:
            raise StoreError("aiwatch-responses: Elasticsearch: away")

        def read(self, after: Any) -> Any:
            raise StoreError("aiwatch-responses: Elasticsearch: away")

    client = TestClient(create_app(MemoryStore(), Rig(trail=Away()).responses, Reports(), TOKEN))
    assert deliver(client).status_code == 503  # Alertmanager delivers it again
    for address in (f"/api/v1/gate/{PROCESS}", "/models/", f"/models/{PROCESS}"):
        answer = client.get(address)
        assert (answer.status_code, "away" in answer.text) == (503, True)


def test_metrics_tell_the_state_from_the_start_and_go_on_after_a_restart(rig: Rig) -> None:
    rig.adapters["broken"] = Switch(broken=True)

    def series() -> set[str]:
        client = TestClient(create_app(MemoryStore(), rig.responses, Reports(), TOKEN))
        return set(client.get("/metrics").text.splitlines())

    rig.work()
    assert {
        f'ai_model_under_review{{process="{PROCESS}"}} 0.0',
        f'ai_retraining_paused{{process="{PROCESS}"}} 0.0',
        f'aiwatch_response_steps_total{{outcome="failed",process="{PROCESS}",step="broken"}} 0.0',
    } <= series()
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.restart()
    rig.work()
    assert {
        f'ai_model_under_review{{process="{PROCESS}"}} 1.0',
        f'ai_retraining_paused{{process="{PROCESS}"}} 1.0',
        f'aiwatch_response_steps_total{{outcome="failed",process="{PROCESS}",step="broken"}} 1.0',
        f'aiwatch_response_steps_total{{outcome="succeeded",process="{PROCESS}",step="switch"}} 1.0',
    } <= series()


def test_metrics_tell_for_how_long_a_step_has_been_failing_and_its_undoing_likewise(rig: Rig) -> None:
    broken = rig.adapters["broken"] = Switch()

    def pending() -> dict[str, float]:
        text = TestClient(create_app(MemoryStore(), rig.responses, Reports(), TOKEN)).get("/metrics").text
        of = f'aiwatch_response_pending_seconds{{process="{PROCESS}",step="'
        found = [line.removeprefix(of).split('"} ') for line in text.splitlines() if line.startswith(of)]
        return {step: float(value) for step, value in found}

    rig.work()
    assert pending() == {"broken": 0, "quarantine": 0, "switch": 0}
    broken.broken = True
    rig.responses.notice([drift_alert()])
    rig.work(minutes=10)
    rig.restart()
    rig.work(minutes=30)
    assert (pending()["broken"], pending()["switch"]) == (2400, 0)
    broken.broken = False
    rig.work(minutes=10)
    assert pending()["broken"] == 0
    broken.broken = True
    rig.responses.resume(PROCESS, "Ada", "mended", release=False)
    rig.work(minutes=5)
    assert (pending()["broken"], pending()["switch"]) == (300, 0)


def test_the_pages_show_state_steps_windows_trail_and_how_to_resume(client: TestClient, rig: Rig) -> None:
    rig.adapters["registry"] = Switch(broken=True)
    assert "Never under review." in client.get("/models/").text
    deliver(client)
    rig.work()
    for address in ("/models/", f"/models/{PROCESS}"):
        page = client.get(address).text
        assert "Under review since" in page
        assert "Failing, and tried again: registry." in page
    assert "failed</span>, again in 5 s" in page
    assert f'aiwatch resume {PROCESS} --by NAME --reason "..."' in page
    assert "elsewhere add <code>--responder URL --token-file FILE</code>" in page
    assert "goes on" in page
    rig.clock.now = hour(2)
    client.post(RESUME, json={"by": "<b>Ada</b>", "reason": "<script>", "release": True}, headers=AUTHORIZATION)
    page = client.get(f"/models/{PROCESS}").text
    assert "<b>Resumed</b> by &lt;b&gt;Ada&lt;/b&gt;: &lt;script&gt;; what was quarantined is released" in page
    assert "<script>" not in page
