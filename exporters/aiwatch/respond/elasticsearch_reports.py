"""Results of drift tests as a whole, with what their reports show."""

from __future__ import annotations

import msgspec
from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from aiwatch.names import INDEX_DRIFT
from aiwatch.profiles.result import Result
from aiwatch.respond.store import StoreError


class ElasticsearchReports:
    """Reads the index ``aiwatch-drift``, which need not exist.

    Args:
        client: a client that may read the index.
        index: the index's name.
    """

    def __init__(self, client: Elasticsearch, index: str = INDEX_DRIFT) -> None:
        """Keep the client; nothing is sent before the first call."""
        self._client = client.options(request_timeout=10, max_retries=0)
        self._index = index

    def find(self, report: str) -> Result | None:
        """Return the result of that id; None when there is none.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            return msgspec.convert(self._client.get(index=self._index, id=report)["_source"], Result)
        except NotFoundError:
            return None
        except (ApiError, TransportError, msgspec.ValidationError) as error:
            raise StoreError(f"{self._index}: {error}") from error
