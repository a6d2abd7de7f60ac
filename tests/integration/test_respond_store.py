"""What a store of notifications promises, kept by each of them: in memory, and in a real Elasticsearch."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch

from aiwatch.respond.elasticsearch_store import MAPPINGS, ElasticsearchStore
from aiwatch.respond.memory_store import MemoryStore
from aiwatch.respond.payload import Alert, Notification
from aiwatch.respond.store import Cursor, Filter, Store, StoreError

START = datetime(2026, 1, 2, 12, tzinfo=UTC)


def alert(name: str, process: str | None = "support-chatbot", **changes: Any) -> Alert:
    labels = {"alertname": name, "severity": "warning"} | ({"process": process} if process else {})
    fields: dict[str, Any] = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": name},
        "starts_at": START,
        "ends_at": None,
        "fingerprint": f"{name}-{process}",
        **changes,
    }
    return Alert(**fields)


def resolved(name: str) -> Alert:
    return alert(name, status="resolved", ends_at=START + timedelta(minutes=5))


def notification(*alerts: Alert) -> Notification:
    return Notification(version="4", receiver="responder", group_key="g", alerts=alerts)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def index(request: pytest.FixtureRequest) -> Any:
    """The name of an index of this test's own, removed afterwards."""
    es: Elasticsearch = request.getfixturevalue("es")
    name = f"aiwatch-notifications-test-{uuid4().hex[:8]}"
    yield name
    es.options(ignore_status=404).indices.delete(index=name)


@pytest.fixture(params=["memory", "elasticsearch"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return ElasticsearchStore(request.getfixturevalue("es"), request.getfixturevalue("index"))


def found(store: Store, **wanted: Any) -> list[str]:
    return [entry.alertname for entry in store.find(Filter(**wanted)).entries]


def test_an_empty_store_can_be_read(store: Store) -> None:
    store.check()
    assert store.find(Filter()).entries == ()


def test_a_notification_comes_back_as_it_was_put(store: Store) -> None:
    sent = alert("A", labels={"alertname": "A", "with.dots": "é\n\"'"}, annotations={"summary": "s", "x.y": "z"})
    store.put(notification(sent), at(0.123))
    (entry,) = store.find(Filter()).entries
    assert (entry.timestamp, entry.last_received_at, entry.deliveries) == (at(0.123), at(0.123), 1)
    assert (entry.labels, entry.annotations, entry.starts_at) == (
        sent.labels,
        sent.annotations,
        sent.starts_at,
    )
    assert (entry.process, entry.severity, entry.ends_at) == (None, None, None)


def test_a_repetition_counts_on_the_entry_there_is(store: Store) -> None:
    store.put(notification(alert("A")), at(0))
    store.put(notification(alert("A", annotations={"summary": "worse"})), at(60))
    (entry,) = store.find(Filter()).entries
    assert (entry.timestamp, entry.last_received_at, entry.deliveries) == (at(0), at(60), 2)
    assert entry.annotations == {"summary": "worse"}


def test_a_resolved_alert_takes_the_place_of_the_firing_one(store: Store) -> None:
    store.put(notification(alert("A")), at(0))
    store.put(notification(resolved("A")), at(60))
    assert found(store, status="firing") == []
    (entry,) = store.find(Filter()).entries
    assert (entry.status, entry.timestamp, entry.deliveries) == ("resolved", at(60), 1)
    assert entry.ends_at == START + timedelta(minutes=5)


def test_an_alert_that_fires_again_in_the_same_episode_is_shown_as_firing(store: Store) -> None:
    store.put(notification(alert("A")), at(0))
    store.put(notification(resolved("A")), at(60))
    store.put(notification(alert("A")), at(120))
    (entry,) = store.find(Filter()).entries
    assert (entry.status, entry.deliveries) == ("firing", 2)


def test_the_next_episode_of_an_alert_is_an_entry_of_its_own(store: Store) -> None:
    store.put(notification(resolved("A")), at(60))
    store.put(notification(alert("A", starts_at=at(3600))), at(3600))
    assert [entry.status for entry in store.find(Filter()).entries] == ["firing", "resolved"]


def test_an_alert_twice_in_one_notification_is_one_entry(store: Store) -> None:
    store.put(notification(alert("A"), alert("A")), at(0))
    assert found(store) == ["A"]


def test_a_notification_without_alerts_stores_nothing(store: Store) -> None:
    store.put(notification(), at(0))
    assert found(store) == []


def test_entries_are_filtered_by_process_and_status(store: Store) -> None:
    store.put(notification(alert("A"), alert("B", "card-fraud"), alert("C", None), resolved("D")), at(0))
    assert sorted(found(store, process="support-chatbot")) == ["A", "D"]
    assert found(store, process="support-chatbot", status="firing") == ["A"]
    assert found(store, process="nobody") == []
    assert len(found(store)) == 4


def test_pages_follow_each_other_newest_first_without_gap_or_overlap(store: Store) -> None:
    for second in range(3):
        store.put(notification(*(alert(f"A{second}{number}") for number in range(3))), at(second))
    seen: list[str] = []
    pages = 0
    page = store.find(Filter(limit=2))
    while True:
        seen += [entry.alertname for entry in page.entries]
        pages += 1
        if page.next is None:
            break
        page = store.find(Filter(limit=2, before=page.next))
    assert pages == 5
    assert [name[1] for name in seen] == list("222111000")
    assert len(set(seen)) == 9
    assert {name[1] for name in found(store, before=Cursor(at(1)))} == {"0"}


def test_simultaneous_deliveries_are_all_counted(store: Store) -> None:
    failures: list[StoreError] = []

    def deliver(thread: int) -> None:
        try:
            store.put(notification(*(alert(f"A{number}") for number in range(5))), at(thread))
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [entry.deliveries for entry in store.find(Filter()).entries] == [3] * 5


def test_the_index_is_created_with_its_mapping_and_again_when_it_was_deleted(es: Elasticsearch, index: str) -> None:
    store = ElasticsearchStore(es, index)
    store.put(notification(alert("A")), at(0))
    es.indices.delete(index=index)
    store.put(notification(alert("B")), at(1))
    assert found(store) == ["B"]
    mapping = es.indices.get_mapping(index=index)[index]["mappings"]
    assert mapping["properties"].keys() == MAPPINGS["properties"].keys()
    assert mapping["dynamic"] == "false"


def test_an_entry_that_elasticsearch_refuses_is_named(es: Elasticsearch, index: str) -> None:
    es.indices.create(index=index, mappings={"properties": {"alertname": {"type": "integer"}}})
    with pytest.raises(StoreError, match=rf"{index}: entry \w+ was refused: .*alertname"):
        ElasticsearchStore(es, index).put(notification(alert("A")), at(0))


def test_a_key_that_may_only_read_write_and_create_this_index_suffices(es: Elasticsearch, index: str) -> None:
    privileges = {"indices": [{"names": [index], "privileges": ["create_index", "index", "read"]}]}
    created = es.security.create_api_key(name=index, role_descriptors={"responder": privileges}, expiration="1h")
    try:
        store = ElasticsearchStore(es.options(api_key=(created["id"], created["api_key"])), index)
        store.check()
        store.put(notification(alert("A")), at(0))
        store.put(notification(resolved("A")), at(60))
        assert [entry.status for entry in store.find(Filter()).entries] == ["resolved"]
        with pytest.raises(StoreError, match="unauthorized"):
            ElasticsearchStore(es.options(api_key=(created["id"], created["api_key"])), "other").check()
    finally:
        es.security.invalidate_api_key(ids=[created["id"]])


def test_labels_can_be_searched_by_name(es: Elasticsearch, index: str) -> None:
    ElasticsearchStore(es, index).put(notification(alert("A", labels={"alertname": "A", "team": "cards"})), at(0))
    assert es.count(index=index, query={"term": {"labels.team": "cards"}})["count"] == 1
