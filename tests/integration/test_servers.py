"""The servers of ``tools/servers`` can do what aiwatch needs of them."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch

from tools.servers import run
from tools.servers.install import ensure_elasticsearch

StartServer = Callable[[Path], run.Server]

DOCUMENTS: list[dict[str, Any]] = [
    {"@timestamp": "2026-03-01T10:00:00.000Z", "intent": "refund", "confidence": 0.9, "features": {"a": 1}},
    {"@timestamp": "2026-03-01T11:00:00.000Z", "intent": "refund", "confidence": 0.5, "features": {"a": 2}},
    {"@timestamp": "2026-03-02T10:00:00.000Z", "intent": "greeting", "confidence": 0.7, "features": {"a": 1}},
]


@pytest.fixture(scope="module")
def index(es: Elasticsearch) -> Iterator[str]:
    """Three documents in an index whose mapping comes from a composable template."""
    es.cluster.put_component_template(
        name="aiwatch-core", template={"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
    )
    es.indices.put_index_template(
        name="aiwatch-tries",
        index_patterns=["aiwatch-tries-*"],
        composed_of=["aiwatch-core"],
        template={
            "settings": {"number_of_replicas": 0},
            "mappings": {
                "dynamic": False,
                "properties": {
                    "intent": {"type": "keyword"},
                    "confidence": {"type": "float"},
                    "features": {"type": "flattened"},
                },
            },
        },
    )
    name = "aiwatch-tries-2026"
    answer = es.bulk(index=name, operations=creating(DOCUMENTS), refresh=True)
    assert not answer["errors"]
    yield name
    es.indices.delete(index=name)


def creating(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for number, document in enumerate(documents) for line in ({"create": {"_id": str(number)}}, document)]


def test_the_client_recognises_the_product(es: Elasticsearch) -> None:
    assert es.info()["version"]["number"].startswith("8.19.")


def test_the_mapping_comes_from_the_templates(es: Elasticsearch, index: str) -> None:
    mapping = es.indices.get_mapping(index=index)[index]["mappings"]
    assert mapping["dynamic"] == "false"
    assert {name: field["type"] for name, field in mapping["properties"].items()} == {
        "@timestamp": "date",
        "intent": "keyword",
        "confidence": "float",
        "features": "flattened",
    }


def test_creating_a_document_again_is_a_conflict(es: Elasticsearch, index: str) -> None:
    answer = es.bulk(index=index, operations=creating(DOCUMENTS[:1]))
    assert [item["create"]["status"] for item in answer["items"]] == [409]


def test_a_partial_update_joins_an_object_onto_a_document(es: Elasticsearch, index: str) -> None:
    es.update(index=index, id="1", doc={"feedback": {"rating": "down"}}, refresh=True)
    assert es.get(index=index, id="1")["_source"] == DOCUMENTS[1] | {"feedback": {"rating": "down"}}


def test_a_flattened_field_is_found_by_its_inner_value(es: Elasticsearch, index: str) -> None:
    hits = es.search(index=index, query={"term": {"features.a": "1"}})["hits"]["hits"]
    assert sorted(hit["_id"] for hit in hits) == ["0", "2"]


def test_the_aggregations_of_the_dashboards_work(es: Elasticsearch, index: str) -> None:
    found = es.search(
        index=index,
        size=0,
        aggs={
            "intents": {"terms": {"field": "intent"}},
            "confidence": {"avg": {"field": "confidence"}},
            "days": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1d"}},
            "quantiles": {"percentiles": {"field": "confidence", "percents": [50]}},
        },
    )["aggregations"]
    assert {bucket["key"]: bucket["doc_count"] for bucket in found["intents"]["buckets"]} == {
        "refund": 2,
        "greeting": 1,
    }
    assert found["confidence"]["value"] == pytest.approx(0.7)
    assert [bucket["doc_count"] for bucket in found["days"]["buckets"]] == [2, 1]
    assert found["quantiles"]["values"]["50.0"] == pytest.approx(0.7)


def test_no_password_and_a_wrong_one_are_refused(elasticsearch_server: run.Elasticsearch) -> None:
    assert requests.get(elasticsearch_server.url, timeout=10).status_code == 401
    wrong = requests.get(elasticsearch_server.url, auth=("elastic", "changeme"), timeout=10)
    assert wrong.status_code == 401


def test_an_api_key_may_do_what_its_role_says_and_nothing_else(
    es: Elasticsearch, elasticsearch_server: run.Elasticsearch, index: str
) -> None:
    key = es.security.create_api_key(
        name="aiwatch-reader",
        role_descriptors={"reader": {"indices": [{"names": ["aiwatch-tries-*"], "privileges": ["read"]}]}},
    )
    with Elasticsearch(elasticsearch_server.url, api_key=key["encoded"]) as reader:
        assert reader.count(index=index)["count"] == len(DOCUMENTS)
        with pytest.raises(AuthorizationException):
            reader.index(index=index, document=DOCUMENTS[0])
        with pytest.raises(AuthorizationException):
            reader.search(index="aiwatch-other")
        es.security.invalidate_api_key(ids=[key["id"]])
        with pytest.raises(AuthenticationException):
            reader.count(index=index)


def test_documents_and_keys_outlive_a_kill_and_the_installation_is_only_read(tmp_path: Path) -> None:
    home = ensure_elasticsearch()
    installed = files(home)
    with run.elasticsearch(tmp_path) as server:
        with Elasticsearch(**server.client_settings) as client:
            client.index(index="aiwatch-tries-2026", id="1", document=DOCUMENTS[0])
            key = client.security.create_api_key(name="aiwatch-writer")["encoded"]
        server.kill()
        server.start()
        with Elasticsearch(server.url, api_key=key) as client:
            assert client.get(index="aiwatch-tries-2026", id="1")["_source"] == DOCUMENTS[0]
    assert files(home) == installed


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_prometheus_reads_its_configuration_and_reloads_it(start_prometheus: StartServer, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {external_labels: {site: first}}\n")
    server = start_prometheus(tmp_path)
    config.write_text("global: {external_labels: {site: second}}\n")
    requests.post(f"{server.url}/-/reload", timeout=10).raise_for_status()
    status = requests.get(f"{server.url}/api/v1/status/config", timeout=10).json()
    assert "site: second" in status["data"]["yaml"]
    assert requests.get(f"{server.url}/classic/targets", timeout=10).status_code == 200


def test_an_alert_posted_to_alertmanager_is_listed(start_alertmanager: StartServer, tmp_path: Path) -> None:
    """With a template of one's own, which makes it load its built-in ones too."""
    (tmp_path / "own.tmpl").write_text('{{ define "own" }}{{ template "__subject" . }}{{ end }}')
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\ntemplates: ['own.tmpl']\n")
    server = start_alertmanager(config)
    alerts = f"{server.url}/api/v2/alerts"
    requests.post(alerts, json=[{"labels": {"alertname": "Tried"}}], timeout=10).raise_for_status()
    assert [alert["labels"] for alert in listed(alerts)] == [{"alertname": "Tried"}]


def listed(url: str, within: float = 5.0) -> list[dict[str, Any]]:
    """The alerts, once there are any; they are listed a moment after they were posted."""
    end = time.monotonic() + within
    while not (alerts := requests.get(url, timeout=10).json()) and time.monotonic() < end:
        time.sleep(0.05)
    found: list[dict[str, Any]] = alerts
    return found


def test_promtool_and_amtool_check_configurations(promtool: Path, amtool: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    bad.write_text("unknown: 1\n")
    good.write_text("global: {}\n")
    assert subprocess.run([promtool, "check", "config", good], check=False).returncode == 0
    assert subprocess.run([promtool, "check", "config", bad], check=False).returncode != 0
    good.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    assert subprocess.run([amtool, "check-config", good], check=False).returncode == 0
    assert subprocess.run([amtool, "check-config", bad], check=False).returncode != 0
