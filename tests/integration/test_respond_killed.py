"""The responder with a real Elasticsearch: killed at every step of a response, it does each of them once in effect."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from elasticsearch import Elasticsearch

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.profiles.result import result_id, result_index
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from tests.respond.adapters.receiver import Asked, receiver
from tools.demo.programs import Program, service
from tools.servers import run
from tools.servers.commands import ServerError
from tools.servers.process import Server

SINCE = datetime(2026, 3, 1, 9, 0, 30, tzinfo=UTC)
PROCESS = """
name: card-fraud
title: Card fraud
kind: classifier
business_unit: payments
owner: a@example.com
response:
  adapters:
    - airflow: {url: "URL", dag: retrain, token_file: token}
    - webhook: {url: "URL/hook", secret_file: secret}
"""


@dataclass
class World:
    """Airflow and a receiver of webhooks, behind one address. At the first request of each sort they kill."""

    responder: Server | None = None
    delay: float = 0
    paused: bool = False
    told: list[tuple[str, str]] = field(default_factory=list)
    killed_at: list[str] = field(default_factory=list)

    def reply(self, asked: Asked) -> tuple[int, Any]:
        time.sleep(self.delay)
        path = asked.path.partition("?")[0]
        if path == "/hook":
            self.told.append((asked.headers["webhook-id"], asked.json["type"]))
        elif asked.method == "PATCH":
            self.paused = asked.json["is_paused"]
        sort = f"{asked.method} {path} {asked.json}" if path != "/hook" else f"POST /hook {asked.json['type']}"
        if sort not in self.killed_at and self.responder is not None:
            self.killed_at.append(sort)
            if self.responder.pid is not None:
                os.kill(self.responder.pid, signal.SIGKILL)
        return 200, {"is_paused": self.paused}


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[World, str]]:
    world = World()
    with receiver(world.reply) as found:
        yield world, found.url


@pytest.fixture(scope="module")
def secrets(es: Elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Elasticsearch is provisioned, two hours have drifted; here are the secrets of the responder."""
    folder = tmp_path_factory.mktemp("secrets")
    today = datetime.now(UTC).date()
    apply(es, generate(Catalogue(Framework(), ())), folder, retentions(Framework()), today)
    (folder / "token").write_text("s3cret")
    (folder / "secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    for hour, state in ((5, "drift"), (6, "ok"), (7, "drift"), (8, "drift")):
        start = SINCE.replace(hour=hour, second=0)
        document = {"end": start + timedelta(hours=1), "process": "card-fraud", "model_version": "7", "state": state}
        es.index(
            index=result_index(result_id("card-fraud", start)), document={"@timestamp": start, **document}, refresh=True
        )
    return folder


@pytest.fixture(scope="module")
def responder(
    elasticsearch_server: run.Elasticsearch, world: tuple[World, str], secrets: Path, tmp_path_factory: Any
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("responder")
    (folder / "processes").mkdir()
    (folder / "processes" / "card-fraud.yml").write_text(PROCESS.replace("URL", world[1]))
    (folder / "framework.yml").write_text(f"secrets_dir: {secrets}\n")
    spec = service(
        "the responder",
        folder / "log",
        0,
        "respond",
        f"--catalogue={folder}",
        f"--token-file={secrets / 'responder-token'}",
        f"--api-key-file={secrets / 'responder-api-key'}",
        f"--elasticsearch={elasticsearch_server.url}",
    )
    with Server(spec).start() as server:
        world[0].responder = server
        yield server


def deliver(responder: Server, secrets: Path, since: datetime = SINCE) -> float:
    """Deliver the alert as Alertmanager does, again until it is taken; return how many seconds that answer took."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "ModelDrift", "process": "card-fraud", "severity": "critical"},
        "annotations": {"summary": "The score drifts"},
        "startsAt": since.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f",
    }
    payload = {"version": "4", "groupKey": "g", "receiver": "responder", "alerts": [alert]}
    headers = {"Authorization": f"Bearer {(secrets / 'responder-token').read_text()}"}
    while True:
        revive(responder)
        with suppress(requests.ConnectionError):
            answer = requests.post(f"{responder.url}/api/v1/notifications", json=payload, headers=headers, timeout=20)
            assert answer.status_code == 200, answer.text
            return answer.elapsed.total_seconds()


def revive(responder: Server) -> None:
    """Start the responder again if it was killed, which can happen while it starts."""
    while not responder.running:
        responder.kill()  # takes note of it
        with suppress(ServerError):
            responder.start()


def until_done(responder: Server, es: Elasticsearch, action: str) -> list[dict[str, Any]]:
    """Start the responder again whenever it was killed, until every step is done; return the trail."""
    until = time.monotonic() + 90
    while True:
        revive(responder)
        es.indices.refresh(index=names.INDEX_RESPONSES)
        hits = es.search(index=names.INDEX_RESPONSES, sort=["number"], size=1000, version=True)["hits"]["hits"]
        assert {hit["_version"] for hit in hits} <= {1}, "an entry was changed"
        trail = [dict(hit["_source"]) for hit in hits]
        assert [entry["number"] for entry in trail] == list(range(1, len(trail) + 1))
        done = {entry["step"] for entry in trail if entry["event"] == "succeeded" and entry["action"] == action}
        if done >= {"airflow", "webhook"} and responder.running:
            return trail
        assert time.monotonic() < until, trail
        time.sleep(0.2)


def steps(trail: list[dict[str, Any]], step: str, action: str) -> list[str]:
    return [entry["event"] for entry in trail if entry.get("step") == step and entry["action"] == action]


def test_killed_at_every_step_the_responder_pauses_once_and_forgets_nothing(
    es: Elasticsearch, world: tuple[World, str], responder: Server, secrets: Path
) -> None:
    here = world[0]
    deliver(responder, secrets)
    trail = until_done(responder, es, "pause")
    deliver(responder, secrets)  # Alertmanager repeats itself
    time.sleep(1)
    trail = until_done(responder, es, "pause")
    assert [entry["event"] for entry in trail].count("opened") == 1
    assert here.paused
    # Each request of both adapters was once the last that the responder sent, and repeated under the same id.
    assert sorted(each.partition(" /")[0] for each in here.killed_at) == ["GET", "PATCH", "POST"]
    assert {id_ for id_, _ in here.told} == {"card-fraud:1:webhook:pause"}
    for step in ("airflow", "webhook"):
        events = steps(trail, step, "pause")
        assert (events[-1], events.count("succeeded")) == ("succeeded", 1)
    assert steps(trail, "airflow", "pause").count("started") + steps(trail, "webhook", "pause").count("started") > 2
    (quarantined,) = [entry for entry in trail if entry["event"] == "quarantined"]
    assert [window["start"][11:16] for window in quarantined["windows"]] == ["07:00", "08:00"]


def test_after_all_that_a_person_resumes_and_everything_is_as_it_was(
    es: Elasticsearch, world: tuple[World, str], responder: Server, secrets: Path, tmp_path: Path
) -> None:
    here = world[0]
    at = [f"--responder={responder.url}"]
    who = ["--by=Ada", "--reason=the feed is mended", f"--token-file={secrets / 'responder-token'}"]
    with suppress(ServerError):  # it may be killed before it answers: the trail tells
        Program(tmp_path / "log", "resume", "card-fraud", *who, *at).result()
    trail = until_done(responder, es, "resume")
    assert not here.paused
    assert len(here.killed_at) == 5
    assert here.told[-1] == ("card-fraud:1:webhook:resume", "model.resumed")
    (resumed,) = [entry for entry in trail if entry["event"] == "resumed"]
    assert (resumed["by"], resumed["reason"]) == ("Ada", "the feed is mended")
    here.responder = None  # which is killed no more
    revive(responder)
    shown = Program(tmp_path / "log", "gate", "card-fraud", *at).result()
    assert "retraining may run: resumed by Ada" in shown
    assert "leave out 2026-03-01T07:00:00Z to 2026-03-01T09:00:00Z, model version 7" in shown


def test_the_answer_to_an_alert_does_not_wait_for_adapters(
    world: tuple[World, str], responder: Server, secrets: Path
) -> None:
    here = world[0]
    here.delay, before = 3.0, len(here.told)
    seconds = deliver(responder, secrets, SINCE + timedelta(days=1))
    assert (seconds < here.delay, len(here.told)) == (True, before)
    until = time.monotonic() + 30
    while len(here.told) == before:  # it was not forgotten either
        assert time.monotonic() < until
        time.sleep(0.1)
