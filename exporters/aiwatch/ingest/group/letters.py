"""The dead letters of a group in Elasticsearch: a line that is rejected again is the same document."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from msgspec import convert, to_builtins

from aiwatch import names
from aiwatch.ingest.dead_letters import DeadLetter, build_letter
from aiwatch.ingest.decode import Reject
from aiwatch.ingest.group.patience import UnwrittenError, wait_for

INDEX = names.INDEX_DEAD_LETTERS
MAPPINGS = {
    "dynamic": False,
    "properties": {
        "time": {"type": "date"},
        "group": {"type": "keyword"},
        "process": {"type": "keyword"},
        "reason": {"type": "keyword"},
        "stream": {"type": "keyword"},
        "offset": {"type": "long"},
    },
}
_AT_ONCE = 500
_CREATED = 201
_EXISTS = 409


class ElasticsearchLetters:
    """Writes rejects into the index ``aiwatch-dead-letters``, before their batch is committed.

    The id of a letter is made of the group and the place of the line. So it is there once, however often the batch is
    read again and by whom.
    """

    def __init__(
        self, client: Elasticsearch, group: str, stop: threading.Event, on_retry: Callable[[str], None]
    ) -> None:
        """Write until ``stop`` is set; ``on_retry`` is told of each attempt that failed."""
        self._client = client
        self._group = group
        self._stop = stop
        self._on_retry = on_retry

    def append(self, rejects: Iterable[Reject], now: datetime) -> int:
        """Write rejects and return 0: there is no file of which a size is to be committed.

        Raises:
            StoppedError: told to stop before all were written.
        """
        letters = [build_letter(reject, now) for reject in rejects]
        for first in range(0, len(letters), _AT_ONCE):
            write = partial(self._write, letters[first : first + _AT_ONCE])
            wait_for(write, "what was rejected", self._stop, self._on_retry)
        return 0

    def committed(self, size: int) -> None:
        """Do nothing: a letter is there for good once it is written."""

    def _write(self, letters: list[DeadLetter]) -> None:
        """Write letters; those that are there already are left as they are.

        Raises:
            ApiError, TransportError, UnwrittenError: not all are there now.
        """
        operations: list[dict[str, Any]] = []
        for letter in letters:
            name = f"{self._group}:{letter.process}:{letter.stream}:{letter.offset}"
            operations += [{"create": {"_index": INDEX, "_id": name}}, {"group": self._group} | to_builtins(letter)]
        for item in self._client.bulk(operations=operations)["items"]:
            if item["create"]["status"] not in (_CREATED, _EXISTS):
                raise UnwrittenError(f"it answered {item['create']['status']}: {item['create'].get('error')}")


def read_letters(client: Elasticsearch, group: str) -> Iterator[DeadLetter]:
    """Return the dead letters of a group, in no order."""
    query = {"query": {"term": {"group": group}}}
    for hit in scan(client, index=INDEX, query=query, ignore_unavailable=True):
        yield convert(hit["_source"], DeadLetter)
