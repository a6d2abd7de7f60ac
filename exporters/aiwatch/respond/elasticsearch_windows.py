"""Results of tested windows, as `aiwatch drift` writes them into Elasticsearch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from elasticsearch import ApiError, Elasticsearch, TransportError

from aiwatch import names
from aiwatch.profiles.result import RESULTS
from aiwatch.respond.store import StoreError
from aiwatch.respond.windows import WindowResult

_BEFORE = timedelta(days=30)  # how far back a change can lie that an alert is about
_MOST = 10_000  # what one search may return: more than a year of hours


class ElasticsearchWindows:
    """Reads indices of results, none of which need exist.

    Args:
        client: a client that may read them.
        index: their name or pattern.
    """

    def __init__(self, client: Elasticsearch, index: str = RESULTS) -> None:
        """Keep the client; nothing is sent before the first call."""
        self._client = client.options(request_timeout=10, max_retries=0)
        self._index = index

    def find(self, process: str, around: datetime) -> Sequence[WindowResult]:
        """Return the results of a process, from 30 days before ``around`` on, oldest first.

        Raises:
            StoreError: Elasticsearch cannot be reached or refused, or a result is none.
        """
        of_process = {"term": {names.PROCESS: process}}
        recent = {"range": {names.TIMESTAMP: {"gte": (around - _BEFORE).isoformat()}}}
        fields = [names.TIMESTAMP, "end", "state", "model_version", "findings.drifted", "findings.since"]
        try:
            answer = self._client.search(
                index=self._index,
                query={"bool": {"filter": [of_process, recent]}},
                sort=[{names.TIMESTAMP: {"order": "asc", "unmapped_type": "date"}}],
                source_includes=fields,
                size=_MOST,
                ignore_unavailable=True,
                allow_partial_search_results=False,  # or windows of a shard that is not there yet go unquarantined
            )
            return [msgspec.convert(hit["_source"], WindowResult) for hit in answer["hits"]["hits"]]
        except (ApiError, TransportError, msgspec.ValidationError) as error:
            raise StoreError(f"{self._index}: {error}") from error
