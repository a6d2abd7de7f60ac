"""The index of notifications: both halves agree on its mapping, and a server that is away is told as such."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import msgspec
import pytest
from elasticsearch import Elasticsearch

from aiwatch.names import INDEX_NOTIFICATIONS
from aiwatch.provision.generators.elasticsearch_templates import NOTIFICATION_PROPERTIES
from aiwatch.respond.elasticsearch_store import MAPPINGS, ElasticsearchStore
from aiwatch.respond.payload import Alert, Notification
from aiwatch.respond.store import Entry, Filter, StoreError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ALERT = Alert(status="firing", labels={}, annotations={}, starts_at=NOW, ends_at=None, fingerprint="f")


def test_every_field_of_an_entry_is_mapped() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(Entry)} == MAPPINGS["properties"].keys()


def test_the_template_that_provision_applies_maps_the_fields_as_the_store_does() -> None:
    assert MAPPINGS["properties"] == NOTIFICATION_PROPERTIES


def test_a_server_that_does_not_answer_is_a_store_error_that_names_the_index() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with Elasticsearch(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            store = ElasticsearchStore(client)
            with pytest.raises(StoreError, match=INDEX_NOTIFICATIONS):
                store.put(Notification(version="4", receiver="r", group_key="g", alerts=(ALERT,)), NOW)
            with pytest.raises(StoreError, match=INDEX_NOTIFICATIONS):
                store.find(Filter())
            with pytest.raises(StoreError, match=INDEX_NOTIFICATIONS):
                store.check()
