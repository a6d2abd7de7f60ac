"""Applying the generated files to a real Elasticsearch."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, Elasticsearch

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.apply.elasticsearch_server import Applied, ApplyError, apply, delete_expired
from aiwatch.provision.generators.elasticsearch_templates import ROLES, TEMPLATES, generate, retentions
from aiwatch.respond.elasticsearch_store import ElasticsearchStore
from aiwatch.respond.elasticsearch_trail import ElasticsearchTrail
from aiwatch.respond.elasticsearch_windows import ElasticsearchWindows
from aiwatch.respond.responses import utc_now
from aiwatch.respond.store import Filter
from aiwatch.respond.trail import Joined
from tools.servers import run

TREE = dict(generate(Catalogue(Framework(), ())))
KEPT = retentions(Framework())
TODAY = date(2026, 3, 1)
DAY = "aiwatch-interactions-2026.02.28"
KEYS = ("baseline-api-key", "drift-api-key", "exporter-api-key", "grafana-api-key", "responder-api-key")
INTERACTION = {
    "@timestamp": "2026-02-28T12:00:00.000Z",
    "type": "interaction",
    "id": "i1",
    "process": "bot",
    "query": "where is my order",
    "confidence": 0.9,
    "surprise": {"never": "mapped"},
    "log": {"stream": "s", "offset": 0},
}


def apply_all(es: Elasticsearch, secrets: Path, tree: Mapping[str, str] = TREE) -> Applied:
    return apply(es, tree, secrets, KEPT, TODAY)


def holder(server: run.Elasticsearch, secrets: Path, file: str) -> Elasticsearch:
    return Elasticsearch(server.url, api_key=(secrets / file).read_text())


def with_property(family: str, field: str, mapping: Mapping[str, object]) -> dict[str, str]:
    path = f"{TEMPLATES}/aiwatch-{family}.json"
    template = json.loads(TREE[path])
    template["template"]["mappings"]["properties"][field] = mapping
    return {**TREE, path: json.dumps(template)}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests: what one leaves behind, the next one must cope with."""
    return tmp_path_factory.mktemp("aiwatch") / "secrets"


@pytest.fixture(autouse=True)
def _no_documents(es: Elasticsearch) -> None:
    if indices := list(es.indices.get(index="aiwatch-*")):
        es.indices.delete(index=indices)


def test_the_exporters_key_can_do_what_the_exporter_does(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path
) -> None:
    apply_all(es, secrets)
    with holder(elasticsearch_server, secrets, "exporter-api-key") as exporter:
        create = {"create": {"_index": DAY, "_id": "i1"}}
        assert not exporter.bulk(operations=[create, INTERACTION])["errors"]
        again = exporter.bulk(operations=[create, INTERACTION])["items"][0]["create"]
        assert again["status"] == 409
        assert exporter.mget(docs=[{"_index": DAY, "_id": "i1"}])["docs"][0]["_source"] == INTERACTION
        es.indices.refresh(index="aiwatch-interactions-*")
        found = exporter.search(index="aiwatch-interactions-*", query={"ids": {"values": ["i1"]}})
        hit = found["hits"]["hits"][0]
        update = {"update": {"_index": hit["_index"], "_id": "i1"}}
        joined = exporter.bulk(operations=[update, {"doc": {"feedback": {"rating": "up"}}}])
        assert not joined["errors"]
        feedback = {"create": {"_index": "aiwatch-feedback-2026.02.28", "_id": "f1"}}
        assert not exporter.bulk(operations=[feedback, {"rating": "up"}])["errors"]
    mapping = es.indices.get_mapping(index=DAY)[DAY]["mappings"]
    assert mapping["dynamic"] == "false"
    assert mapping["properties"]["query"] == {"type": "text"}
    assert "surprise" not in mapping["properties"]


def test_the_exporters_key_can_do_nothing_else(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path
) -> None:
    apply_all(es, secrets)
    with holder(elasticsearch_server, secrets, "exporter-api-key") as exporter:
        exporter.create(index=DAY, id="i1", document=INTERACTION)
        exporter.create(index="aiwatch-feedback-2026.02.28", id="f1", document={"rating": "up"})
        for forbidden in (
            lambda: exporter.delete(index=DAY, id="i1"),
            lambda: exporter.indices.delete(index=DAY),
            lambda: exporter.update(index="aiwatch-feedback-2026.02.28", id="f1", doc={"rating": "down"}),
            lambda: exporter.create(index="somebody-elses", id="1", document={}),
            lambda: exporter.search(index="aiwatch-notifications"),
            lambda: exporter.indices.put_index_template(name="aiwatch-x", index_patterns=["x"]),
            lambda: exporter.security.create_api_key(name="another"),
        ):
            with pytest.raises(AuthorizationException):
                forbidden()


def test_grafanas_key_reads_and_does_not_write(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path
) -> None:
    apply_all(es, secrets)
    es.create(index=DAY, id="i1", document=INTERACTION, refresh=True)
    with holder(elasticsearch_server, secrets, "grafana-api-key") as grafana:
        assert grafana.search(index="aiwatch-interactions-*")["hits"]["total"]["value"] == 1
        assert grafana.indices.get_mapping(index="aiwatch-interactions-*")
        assert grafana.cluster.health()
        with pytest.raises(AuthorizationException):
            grafana.create(index=DAY, id="i2", document=INTERACTION)
        with pytest.raises(AuthorizationException):
            grafana.update(index=DAY, id="i1", doc={"query": "other"})
        with pytest.raises(AuthorizationException):
            grafana.search(index="somebody-elses")


def test_the_responders_key_serves_its_store_and_nothing_else(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path
) -> None:
    apply_all(es, secrets)
    with holder(elasticsearch_server, secrets, "responder-api-key") as responder:
        assert ElasticsearchStore(responder).find(Filter()).entries == ()
        operations = [{"create": {"_id": "n1"}}, {"status": "firing"}]
        assert not responder.bulk(index="aiwatch-notifications", operations=operations, refresh=True)["errors"]
        assert responder.mget(index="aiwatch-notifications", ids=["n1"])["docs"][0]["found"]
        trail = ElasticsearchTrail(responder)
        entry = Joined(time=utc_now(), process="bot", number=1, case=1, alert_since=utc_now())
        assert trail.read({"bot": 0}) == []
        assert (trail.create(entry), trail.create(entry)) == (True, False)
        assert trail.read({"bot": 0}) == [entry]
        assert ElasticsearchWindows(responder).find("bot", utc_now()) == []
        with pytest.raises(AuthorizationException):
            responder.index(index="aiwatch-responses", id="bot:000001", document={})
        with pytest.raises(AuthorizationException):
            responder.delete(index="aiwatch-responses", id="bot:000001")
        with pytest.raises(AuthorizationException):
            responder.search(index=DAY)
        with pytest.raises(AuthorizationException):
            responder.indices.delete(index="aiwatch-notifications")


def test_a_second_time_changes_nothing(es: Elasticsearch, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    first = apply_all(es, secrets)
    kept = {file: (secrets / file).read_text() for file in (*KEYS, "responder-token")}
    es.create(index=DAY, id="i1", document=INTERACTION)
    second = apply_all(es, secrets)
    assert set(first.changed) >= {"API key of exporter", "secret responder-token"}
    assert second.changed == ()
    assert second.steps == first.steps
    assert {file: (secrets / file).read_text() for file in kept} == kept


def test_secret_files_are_readable_by_their_owner_alone(es: Elasticsearch, secrets: Path) -> None:
    apply_all(es, secrets)
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {
        name: 0o600 for name in (*KEYS, "responder-token")
    }


def test_a_key_that_lost_its_file_is_replaced_and_invalidated(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path
) -> None:
    apply_all(es, secrets)
    lost = (secrets / "grafana-api-key").read_text()
    (secrets / "grafana-api-key").unlink()
    assert apply_all(es, secrets).changed == ("API key of grafana",)
    assert (secrets / "grafana-api-key").read_text() != lost
    with Elasticsearch(elasticsearch_server.url, api_key=lost) as former, pytest.raises(AuthenticationException):
        former.security.authenticate()


@pytest.mark.parametrize("content", ["", "not base64!", "AAAA", "aWQ6c2VjcmV0"])
def test_a_file_without_a_valid_key_gets_one(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, secrets: Path, content: str
) -> None:
    apply_all(es, secrets)
    (secrets / "exporter-api-key").write_text(content)
    assert apply_all(es, secrets).changed == ("API key of exporter",)
    with holder(elasticsearch_server, secrets, "exporter-api-key") as exporter:
        assert exporter.security.authenticate()["authentication_type"] == "api_key"


def test_a_key_with_the_wrong_secret_is_replaced(es: Elasticsearch, secrets: Path) -> None:
    apply_all(es, secrets)
    file = secrets / "exporter-api-key"
    key_id = base64.b64decode(file.read_text()).decode().partition(":")[0]
    file.write_text(base64.b64encode(f"{key_id}:wrong".encode()).decode())
    assert apply_all(es, secrets).changed == ("API key of exporter",)


def test_a_key_is_made_anew_when_its_role_changed(es: Elasticsearch, secrets: Path) -> None:
    apply_all(es, secrets)
    role = json.loads(TREE[f"{ROLES}/grafana.json"])
    role["cluster"] = []
    tree = {**TREE, f"{ROLES}/grafana.json": json.dumps(role)}
    assert apply_all(es, secrets, tree).changed == ("API key of grafana",)


def test_a_new_field_reaches_the_indices_that_are_there(es: Elasticsearch, secrets: Path) -> None:
    apply_all(es, secrets)
    es.create(index=DAY, id="i1", document=INTERACTION)
    tree = with_property("interactions", "language", {"type": "keyword"})
    changed = apply_all(es, secrets, tree).changed
    assert changed == ("index template aiwatch-interactions", f"mappings of {DAY}")
    assert es.indices.get_mapping(index=DAY)[DAY]["mappings"]["properties"]["language"] == {"type": "keyword"}
    assert apply_all(es, secrets, tree).changed == ()


def test_a_field_of_another_type_is_told_before_anything_is_written(es: Elasticsearch, secrets: Path) -> None:
    apply_all(es, secrets)
    es.create(index=DAY, id="i1", document=INTERACTION)
    tree = with_property("interactions", "query", {"type": "keyword"})
    with pytest.raises(ApplyError, match=f"index {DAY} maps query as text, the template as keyword") as caught:
        apply_all(es, secrets, tree)
    assert "nothing was applied" in str(caught.value)
    held = es.indices.get_index_template(name="aiwatch-interactions")["index_templates"][0]["index_template"]
    assert held["template"]["mappings"]["properties"]["query"] == {"type": "text"}


def test_a_template_that_the_server_refuses_is_told_before_anything_is_written(
    es: Elasticsearch, tmp_path: Path
) -> None:
    es.options(ignore_status=404).indices.delete_index_template(name="aiwatch-feedback")
    with pytest.raises(ApplyError, match=r"no_such_type.*; nothing was applied"):
        apply_all(es, tmp_path / "secrets", with_property("interactions", "x", {"type": "no_such_type"}))
    with pytest.raises(ApiError):
        es.indices.get_index_template(name="aiwatch-feedback")
    assert not (tmp_path / "secrets").exists()


def test_a_failure_in_between_says_what_was_applied_and_what_was_not(es: Elasticsearch, tmp_path: Path) -> None:
    in_the_way = tmp_path / "secrets"
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(ApplyError, match="API key of exporter") as caught:
        apply_all(es, in_the_way)
    applied, left = str(caught.value).splitlines()[1:]
    assert applied.startswith("applied: ")
    assert "index template aiwatch-interactions" in applied
    keys = ", ".join(f"API key of {file.removesuffix('-api-key')}" for file in KEYS)
    assert left == f"not applied: {keys}, secret responder-token"


def test_a_server_that_is_not_there_is_named(secrets: Path) -> None:
    with (
        Elasticsearch("http://127.0.0.1:9", max_retries=0) as nobody,
        pytest.raises(ApplyError, match="nothing was applied"),
    ):
        apply_all(nobody, secrets)


def test_daily_indices_are_deleted_once_their_day_is_older_than_the_retention(es: Elasticsearch) -> None:
    for name in ("2026.01.30", "2026.01.31", "2026.02.28", "not-a-day"):
        es.indices.create(index=f"aiwatch-interactions-{name}")
    es.indices.create(index="aiwatch-feedback-2020.01.01")
    deleted = delete_expired(es, "interactions", 30 * 86400.0, TODAY)
    assert deleted == ["aiwatch-interactions-2026.01.30"]
    assert sorted(es.indices.get(index="aiwatch-*")) == [
        "aiwatch-feedback-2020.01.01",
        "aiwatch-interactions-2026.01.31",
        "aiwatch-interactions-2026.02.28",
        "aiwatch-interactions-not-a-day",
    ]


def test_applying_deletes_what_is_expired(es: Elasticsearch, secrets: Path) -> None:
    for index in ("aiwatch-predictions-2025.01.01", "aiwatch-drift-2025.01.01", "aiwatch-drift-2025.02.01"):
        es.indices.create(index=index)
    apply_all(es, secrets)
    assert not es.indices.exists(index="aiwatch-predictions-2025.01.01")
    assert list(es.indices.get(index="aiwatch-drift-*")) == ["aiwatch-drift-2025.02.01"]  # results are kept longer
