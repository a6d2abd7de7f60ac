"""Results of drift tests as a whole, with what their reports show."""

from __future__ import annotations

import msgspec
from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from aiwatch.profiles.result import Result, result_index
from aiwatch.respond.store import StoreError


class ElasticsearchReports:
    """Reads the indices ``aiwatch-drift-*``, none of which need exist.

    Args:
        client: a client that may read them.
    """

    def __init__(self, client: Elasticsearch) -> None:
        """Keep the client; nothing is sent before the first call."""
        self._client = client.options(request_timeout=10, max_retries=0)

    def find(self, report: str) -> Result | None:
        """Return the result of that id; None when there is none.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            index = result_index(report)
        except ValueError:
            return None
        try:
            return msgspec.convert(self._client.get(index=index, id=report)["_source"], Result)
        except NotFoundError:
            return None
        except (ApiError, TransportError, msgspec.ValidationError) as error:
            raise StoreError(f"{index}: {error}") from error
