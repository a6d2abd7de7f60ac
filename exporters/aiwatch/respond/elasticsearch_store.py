"""Notifications in one small Elasticsearch index."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError, TransportError

from aiwatch.names import INDEX_NOTIFICATIONS
from aiwatch.respond.payload import Alert, Notification
from aiwatch.respond.store import Cursor, Entry, Filter, Page, StoreError, entries_after, entry_id

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_DATE = {"type": "date"}
SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
MAPPINGS: dict[str, Any] = {
    "dynamic": False,
    "properties": {
        "@timestamp": _DATE,
        "id": _KEYWORD,
        "status": _KEYWORD,
        "current": {"type": "boolean"},
        "alertname": _KEYWORD,
        "process": _KEYWORD,
        "severity": _KEYWORD,
        "starts_at": _DATE,
        "ends_at": _DATE,
        "last_received_at": _DATE,
        "deliveries": {"type": "integer"},
        "fingerprint": _KEYWORD,
        "receiver": _KEYWORD,
        "group_key": _KEYWORD,
        "labels": {"type": "flattened", "ignore_above": 1024},
        "annotations": {"type": "object", "enabled": False},
        "generator_url": {"type": "keyword", "index": False, "doc_values": False},
        "external_url": {"type": "keyword", "index": False, "doc_values": False},
    },
}
_ATTEMPTS = 5  # at entries that another delivery changed in between


class _Version(NamedTuple):
    """Which version of a document was read, so that a write on top of another one is refused."""

    seq_no: int
    primary_term: int


class ElasticsearchStore:
    """Keeps notifications in the index ``aiwatch-notifications``, which it creates when it is missing.

    Args:
        client: a client that may read and write the index; and create it, unless it is there.
        index: the index's name.
    """

    def __init__(self, client: Elasticsearch, index: str = INDEX_NOTIFICATIONS) -> None:
        """Keep the client; nothing is sent before the first call."""
        self._client = client.options(request_timeout=10, max_retries=0)
        self._index = index

    def put(self, notification: Notification, received_at: datetime) -> None:
        """Keep every alert of ``notification``; on return a search finds it.

        Raises:
            StoreError: Elasticsearch cannot be reached or refused an entry. Some may have been stored:
                the same notification again stores the rest.
        """
        try:
            pending = list(notification.alerts)
            for _ in range(_ATTEMPTS):
                pending = self._put(notification, pending, received_at)
                if not pending:
                    return
        except (ApiError, TransportError) as error:
            raise self._failure(error) from error
        raise StoreError(f"{self._index}: {len(pending)} entries kept changing under {_ATTEMPTS} attempts to write")

    def find(self, wanted: Filter) -> Page:
        """Return the current entries that match, newest first.

        Raises:
            StoreError: Elasticsearch cannot be reached or refused the search.
        """
        terms: dict[str, object] = {"current": True}
        if wanted.process is not None:
            terms["process"] = wanted.process
        if wanted.status is not None:
            terms["status"] = wanted.status
        after: list[str | int] | None = None
        if wanted.before is not None:
            after = [round(wanted.before.timestamp.timestamp() * 1000), wanted.before.id]
        try:
            answer = self._client.search(
                index=self._index,
                query={"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}},
                sort=[{"@timestamp": "desc"}, {"id": "desc"}],
                search_after=after,
                size=wanted.limit + 1,
            )
        except NotFoundError:  # nothing was ever stored
            return Page(entries=(), next=None)
        except (ApiError, TransportError) as error:
            raise self._failure(error) from error
        entries = tuple(_entry(hit["_source"]) for hit in answer["hits"]["hits"])
        page = entries[: wanted.limit]
        more = len(entries) > len(page)
        return Page(entries=page, next=Cursor(page[-1].timestamp, page[-1].id) if more else None)

    def check(self) -> None:
        """Return if the index can be searched.

        Raises:
            StoreError: it cannot.
        """
        self.find(Filter(limit=1))

    def _put(self, notification: Notification, alerts: list[Alert], received_at: datetime) -> list[Alert]:
        """Write the entries of ``alerts`` and return those alerts that must be tried again."""
        if not alerts:
            return []
        known = self._known(alerts)
        changed = entries_after(notification, alerts, received_at, {key: entry for key, (entry, _) in known.items()})
        operations: list[Mapping[str, Any]] = []
        for key, entry in changed.items():
            version = known[key][1] if key in known else None
            operations += [_action(key, version), msgspec.to_builtins(entry)]
        answer = self._client.bulk(index=self._index, operations=operations, refresh=True)
        outcomes = [next(iter(item.values())) for item in answer["items"]]
        conflicts = {outcome["_id"] for outcome in outcomes if outcome["status"] == 409}
        for outcome in outcomes:
            if outcome["status"] >= 300 and outcome["status"] != 409:
                reason = f"{outcome['error']['type']}: {outcome['error']['reason']}"
                raise StoreError(f"{self._index}: entry {outcome['_id']} was refused: {reason}")
        return [a for a in alerts if conflicts & {entry_id(a, "firing"), entry_id(a, "resolved")}]

    def _known(self, alerts: list[Alert]) -> dict[str, tuple[Entry, _Version]]:
        keys = sorted({entry_id(alert, status) for alert in alerts for status in ("firing", "resolved")})
        known = {}
        for doc in self._client.mget(index=self._index, ids=keys)["docs"]:
            if "error" in doc:
                if doc["error"]["type"] != "index_not_found_exception":
                    raise StoreError(f"{self._index}: entry {doc['_id']} cannot be read: {doc['error']['reason']}")
                self._create_index()
                return {}
            if doc["found"]:
                known[doc["_id"]] = (_entry(doc["_source"]), _Version(doc["_seq_no"], doc["_primary_term"]))
        return known

    def _create_index(self) -> None:
        try:
            self._client.indices.create(index=self._index, settings=SETTINGS, mappings=MAPPINGS)
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":  # another delivery was faster
                raise

    def _failure(self, error: Exception) -> StoreError:
        return StoreError(f"{self._index}: Elasticsearch: {error}")


def _action(key: str, version: _Version | None) -> dict[str, Any]:
    if version is None:
        return {"create": {"_id": key}}
    return {"index": {"_id": key, "if_seq_no": version.seq_no, "if_primary_term": version.primary_term}}


def _entry(source: object) -> Entry:
    return msgspec.convert(source, Entry)
