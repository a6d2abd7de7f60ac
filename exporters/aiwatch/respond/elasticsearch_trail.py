"""Trails in one small Elasticsearch index, whose documents are only ever created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from elasticsearch import ApiError, ConflictError, Elasticsearch, TransportError

from aiwatch.names import INDEX_RESPONSES
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import Entry, entry_id

_BLOCK = 200  # entries of one process that are asked for at once, once it has any new one


class ElasticsearchTrail:
    """Keeps entries in the index ``aiwatch-responses``, which `aiwatch provision --apply` makes.

    Entries are read by their ids, which Elasticsearch answers from what was written last: there is nothing to
    wait for after a write, and no search that could miss it.

    Args:
        client: a client that may read the index and create documents in it.
        index: the index's name.
    """

    def __init__(self, client: Elasticsearch, index: str = INDEX_RESPONSES) -> None:
        """Keep the client; nothing is sent before the first call."""
        self._client = client.options(request_timeout=10, max_retries=0)
        self._index = index

    def read(self, after: Mapping[str, int]) -> Sequence[Entry]:
        """Return the entries of each process that come after a number, in their order.

        Raises:
            StoreError: Elasticsearch cannot be reached, or an entry cannot be read.
        """
        found: list[Entry] = []
        size = 1
        while after:
            wanted = [entry_id(name, last + k) for name, last in after.items() for k in range(1, size + 1)]
            held = self._get(wanted)
            further = {}
            for position, (process, last) in enumerate(after.items()):
                block = held[position * size : (position + 1) * size]
                entries = block[: block.index(None)] if None in block else block
                found += [entry for entry in entries if entry is not None]
                if len(entries) == size:
                    further[process] = last + size
            after, size = further, _BLOCK
        return found

    def create(self, entry: Entry) -> bool:
        """Keep an entry; return False, and keep nothing, if the process has one of that number.

        Raises:
            StoreError: Elasticsearch cannot be reached or refused the entry; it may be there nevertheless.
        """
        id_ = entry_id(entry.process, entry.number)
        try:
            self._client.create(index=self._index, id=id_, document=msgspec.to_builtins(entry))
        except ConflictError:
            return False
        except (ApiError, TransportError) as error:
            raise self._failure(error) from error
        return True

    def _get(self, ids: Sequence[str]) -> list[Entry | None]:
        try:
            docs = self._client.mget(index=self._index, ids=list(ids))["docs"]
        except (ApiError, TransportError) as error:
            raise self._failure(error) from error
        return [self._entry(doc) for doc in docs]

    def _entry(self, doc: Mapping[str, object]) -> Entry | None:
        error = doc.get("error")
        if isinstance(error, Mapping):
            if error["type"] == "index_not_found_exception":
                return None
            raise StoreError(f"{self._index}: entry {doc['_id']} cannot be read: {error['reason']}")
        if not doc["found"]:
            return None
        try:
            entry: Entry = msgspec.convert(doc["_source"], Entry)
        except msgspec.ValidationError as problem:
            raise StoreError(f"{self._index}: entry {doc['_id']} is none that this version writes: {problem}") from None
        return entry

    def _failure(self, error: Exception) -> StoreError:
        return StoreError(f"{self._index}: Elasticsearch: {error}")
