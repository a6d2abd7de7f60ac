"""The whole demo: what it promises is there, and it gives nothing away."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from elasticsearch import AuthorizationException, Elasticsearch

from aiwatch import names
from tests.contracts.prometheus_answers import ask, instant
from tests.integration.process_tree import descendants
from tools.demo import checks, report
from tools.demo.stack import CHATBOT, FRAUD, PARTNER, Stack

ALERT_SECONDS = 120.0
AGREE_SECONDS = 120.0
JOIN_SECONDS = 60.0
TODAY = f"{datetime.now(UTC):%Y.%m.%d}"


@pytest.fixture(scope="module")
def alert(demo: Stack) -> dict[str, Any]:
    """The demo's alert as the inbox holds it."""
    found = checks.wait(lambda: report.delivered(demo.responder.url), ALERT_SECONDS, demo.check)
    assert found is not None, f"{report.ALERT} did not arrive"
    return found


def test_the_alert_arrives_in_the_inbox_with_a_number_below_the_threshold(alert: dict[str, Any]) -> None:
    assert (alert["status"], alert["process"], alert["severity"]) == ("firing", CHATBOT, "warning")
    share = re.search(r"last 24 hours is ([\d.]+)%; at least 70%", alert["annotations"]["description"])
    assert share, alert["annotations"]["description"]
    assert 20 < float(share[1]) < 70


def test_the_alert_stands_on_the_inbox_page(demo: Stack, alert: dict[str, Any]) -> None:
    page = requests.get(demo.responder.url, timeout=10)
    assert page.status_code == 200
    assert alert["alertname"] in page.text
    assert alert["annotations"]["runbook_url"] in page.text


def test_the_runbook_of_the_alert_can_be_read(demo: Stack, alert: dict[str, Any]) -> None:
    address = alert["annotations"]["runbook_url"]
    assert address.startswith(demo.responder.url)
    runbook = requests.get(address, timeout=10)
    assert runbook.status_code == 200
    assert report.ALERT in runbook.text


def test_the_dashboard_of_the_alert_is_one_that_was_generated(demo: Stack, alert: dict[str, Any]) -> None:
    address = urlsplit(alert["annotations"]["dashboard_url"])
    assert address.scheme == "http"
    assert address.hostname in {"localhost", "127.0.0.1"}
    uids = {json.loads(page.read_text())["uid"] for page in demo.folders.site.glob("grafana/generated/dashboards/*")}
    assert address.path in {f"/d/{uid}" for uid in uids}


def test_prometheus_reaches_everything(demo: Stack) -> None:
    targets = ask(demo.prometheus.url, "targets", state="active")["activeTargets"]
    jobs = {target["labels"]["job"] for target in targets}
    assert jobs == {names.JOB_EXPORTER, names.JOB_DRIFT, names.JOB_RESPONDER, "prometheus", "alertmanager"}

    def all_up() -> bool | None:
        return True if len(instant(demo.prometheus.url, "up == 1")) == len(targets) else None

    assert checks.wait(all_up, 60, demo.check), instant(demo.prometheus.url, "up")


def test_no_line_is_rejected(demo: Stack) -> None:
    metrics = requests.get(f"{demo.exporter.url}/metrics", timeout=10).text
    counted = re.findall(rf"^{names.RECORDS_REJECTED_TOTAL}\{{.*}} (\S+)$", metrics, re.MULTILINE)
    assert not any(map(float, counted))
    assert not any(path.stat().st_size for path in demo.folders.work.rglob("dead-letters*"))


EVIDENCE = {FRAUD: "% missing, was 0.5 %", PARTNER: "it came slowly"}


@pytest.mark.parametrize("process", EVIDENCE)
def test_a_score_that_drifts_is_told_with_its_own_cause_and_report_and_its_retraining_is_paused(
    demo: Stack, process: str
) -> None:
    found = checks.wait(lambda: report.drifted(demo.responder.url, process), ALERT_SECONDS, demo.check)
    assert found, f"no alert names the cause {report.CAUSES[process]} of {process}"
    assert EVIDENCE[process] in found["annotations"]["description"]
    page = requests.get(found["annotations"]["report_url"], timeout=10)
    assert page.status_code == 200
    assert report.CAUSES[process] in page.text

    def paused() -> bool | None:
        return True if checks.gate(demo, process)[0] == checks.PAUSED else None

    assert checks.wait(paused, JOIN_SECONDS, demo.check), checks.gate(demo, process)
    assert f"see {demo.responder.url}/models/{process}" in checks.gate(demo, process)[1]


@pytest.mark.parametrize("process", [CHATBOT, FRAUD, PARTNER])
def test_exemplars_lead_to_the_traces_of_the_log(demo: Stack, process: str) -> None:
    query = f'{names.LATENCY_SECONDS}_bucket{{process="{process}"}}'
    now = datetime.now(UTC).timestamp()

    def traces() -> set[str] | None:
        found = ask(demo.prometheus.url, "query_exemplars", query=query, start=now - 3600, end=now + 3600)
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]} or None

    held = checks.wait(traces, 90, demo.check)
    assert held
    written = (demo.folders.logs / process / "live.jsonl").read_text()
    assert all(trace in written for trace in held)


def keeper(demo: Stack, role: str) -> Elasticsearch:
    """Return a client with the API key of a role."""
    return Elasticsearch(demo.elasticsearch.url, api_key=(demo.folders.secrets / f"{role}-api-key").read_text())


FORBIDDEN: dict[str, tuple[str, Callable[[Elasticsearch], object]]] = {
    "exporter reads notifications": ("exporter", lambda es: es.search(index=names.INDEX_NOTIFICATIONS)),
    "exporter deletes": ("exporter", lambda es: es.indices.delete(index=f"aiwatch-interactions-{TODAY}")),
    "exporter changes templates": (
        "exporter",
        lambda es: es.indices.put_index_template(name="aiwatch-x", index_patterns=["x"]),
    ),
    "baseline reads interactions": ("baseline", lambda es: es.search(index=f"aiwatch-interactions-{TODAY}")),
    "baseline writes": ("baseline", lambda es: es.index(index=f"aiwatch-predictions-{TODAY}", document={})),
    "grafana writes": ("grafana", lambda es: es.index(index=f"aiwatch-interactions-{TODAY}", document={})),
    "grafana makes keys": ("grafana", lambda es: es.security.create_api_key(name="another")),
    "responder reads interactions": ("responder", lambda es: es.search(index=f"aiwatch-interactions-{TODAY}")),
    "responder reads users": ("responder", lambda es: es.security.get_user()),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_key_can_do_no_more_than_its_holder_needs(demo: Stack, case: str) -> None:
    role, attempt = FORBIDDEN[case]
    with keeper(demo, role) as client, pytest.raises(AuthorizationException):
        attempt(client)


def test_the_webhook_takes_nothing_without_its_token(demo: Stack) -> None:
    address = f"{demo.responder.url}/api/v1/notifications"
    assert requests.post(address, json={}, timeout=10).status_code == 401
    guess = {"Authorization": "Bearer guess"}
    assert requests.post(address, json={}, headers=guess, timeout=10).status_code == 401


def secrets(demo: Stack) -> dict[str, str]:
    """Return every secret by the name of its file, API keys also as id and key apart."""
    found = {path.name: path.read_text() for path in demo.folders.secrets.iterdir()}
    keys = {f"{name} (key)": base64.b64decode(text).decode() for name, text in found.items() if "api-key" in name}
    return {
        **found,
        **{name: text.partition(":")[2] for name, text in keys.items()},
        "elastic": demo.elasticsearch.password,
    }


def readable(demo: Stack) -> Iterator[Path]:
    """Yield every file that the demo made, save those that are there to hold secrets."""
    allowed = {demo.elasticsearch.log.parent / "password", *demo.folders.secrets.iterdir()}
    for path in demo.folders.work.rglob("*"):
        if path.is_file() and path not in allowed:
            yield path


def test_no_secret_is_in_any_other_file(demo: Stack) -> None:
    hidden = secrets(demo)
    assert len(hidden) >= 8
    looked_at = 0
    for path in readable(demo):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # Elasticsearch and Prometheus replace files while we look
        looked_at += 1
        for name, secret in hidden.items():
            assert secret.encode() not in content, f"{name} stands in {path}"
    assert looked_at > 50


def test_files_with_secrets_are_readable_by_their_owner_alone(demo: Stack) -> None:
    for path in [*demo.folders.secrets.iterdir(), demo.elasticsearch.log.parent / "password"]:
        assert path.stat().st_mode & 0o077 == 0, path


def processes(demo: Stack) -> set[int]:
    """Return the process ids of all that the demo started, with their children."""
    started = {server.pid for server in demo.servers if server.pid} | {program.pid for program in demo.simulators}
    return started | descendants(started)


def test_no_secret_is_in_a_command_line_or_an_environment(demo: Stack) -> None:
    hidden = secrets(demo)
    pids = processes(demo)
    assert len(pids) >= 7
    for pid in pids:
        shown = b"".join(Path(f"/proc/{pid}/{place}").read_bytes() for place in ("cmdline", "environ"))
        for name, secret in hidden.items():
            assert secret.encode() not in shown, f"{name} is shown by process {pid}"


def listening(pids: set[int]) -> dict[str, set[int]]:
    """Return the addresses on which processes listen, with the ports."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(link))
            except FileNotFoundError:
                continue
    found: dict[str, set[int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (fields := line.split())[1], fields[3], fields[9]
            if state == "0A" and f"socket:[{inode}]" in inodes:
                address, _, port = local.partition(":")
                found.setdefault(_address(address), set()).add(int(port, 16))
    return found


def _address(text: str) -> str:
    """Return an address of ``/proc/net``: words of four bytes, each in the machine's order."""
    packed = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    address = ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def test_everything_listens_on_loopback_alone(demo: Stack) -> None:
    found = listening(processes(demo))
    assert set(found) == {"127.0.0.1"}
    assert found["127.0.0.1"] >= {server.port for server in demo.servers}


def test_what_listens_elsewhere_would_be_seen() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert server.getsockname()[1] in listening({os.getpid()})["0.0.0.0"]


def test_the_table_is_read_from_both_stores(demo: Stack, alert: dict[str, Any]) -> None:
    rows = {row.title: row for row in report.table(report.Prometheus(demo.prometheus.url), demo.es)}
    assert list(rows)[:5] == [
        "interactions",
        "feedback",
        "predictions",
        "average confidence",
        "satisfaction (thumbs up)",
    ]
    assert sum(title.startswith("intent ") for title in rows) == 5
    assert all("-" not in (row.prometheus, row.elasticsearch) for row in rows.values())


def test_both_stores_hold_what_was_written(demo: Stack) -> None:
    """It stops the simulated processes: what needs them comes before."""
    assert checks.disagreements(demo, AGREE_SECONDS) == []
    lines = sum(
        len(path.read_bytes().splitlines())
        for folder in (demo.folders.logs, demo.folders.history)
        for path in folder.rglob("*.jsonl")
    )
    assert lines == sum(held for _, held in report.counts(report.Prometheus(demo.prometheus.url), demo.es).values())


@pytest.mark.parametrize("when", ["live", "past"])
def test_feedback_is_joined_onto_its_interaction(demo: Stack, when: str) -> None:
    seconds = JOIN_SECONDS if when == "live" else 0.0
    assert checks.wait(lambda: True if not unjoined(demo, when) else None, seconds, demo.check), unjoined(demo, when)


def unjoined(demo: Stack, when: str) -> list[str]:
    """Return the ids of the feedback of the past or of today that is not on its interaction."""
    demo.es.indices.refresh(index="aiwatch-*")
    everything = {"index": "aiwatch-interactions-*", "size": 10_000}
    hits = demo.es.search(**everything, query={"exists": {"field": "feedback.rating"}})["hits"]["hits"]
    joined = {hit["_source"]["id"]: hit["_source"]["feedback"] for hit in hits}
    given = [hit["_source"] for hit in demo.es.search(index="aiwatch-feedback-*", size=10_000)["hits"]["hits"]]
    chosen = [each for each in given if each["log"]["stream"].startswith("backfill-") == (when == "past")]
    assert chosen
    return [each["id"] for each in chosen if joined.get(each["interaction"], {}).get("rating") != each["rating"]]
