"""Predictions that Elasticsearch holds, written into a file of lines: a table like any other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from elasticsearch import Elasticsearch

from aiwatch import names

_AT_ONCE = 5000
_KEEP = "5m"
_FIELDS = (names.TIMESTAMP, "features", names.SCORE, names.VALUE, "label", "model_version")


def write_predictions(
    client: Elasticsearch, process: str, since: datetime, until: datetime, version: str | None, path: Path
) -> int:
    """Write the predictions of a process from ``since`` to before ``until`` to ``path``; return how many.

    They come in the order of time and, within a moment, of their ids: the file is the same each time.

    Raises:
        ApiError, TransportError: Elasticsearch refuses, or cannot be reached.
    """
    number = 0
    with path.open("wb") as file:
        for _, moment in groupby(_hits(client, process, since, until, version), key=lambda hit: hit["sort"][0]):
            for hit in sorted(moment, key=itemgetter("_id")):
                file.write(msgspec.json.encode(hit["_source"]) + b"\n")
                number += 1
    return number


def _hits(
    client: Elasticsearch, process: str, since: datetime, until: datetime, version: str | None
) -> Iterator[dict[str, Any]]:
    """Yield what is found in the order of time, from a view of the indices that does not change meanwhile."""
    index = f"{names.INDEX_PREFIX}{names.FAMILY_PREDICTIONS}-*"
    within = {"gte": since.astimezone(UTC).isoformat(), "lt": until.astimezone(UTC).isoformat()}
    wanted: list[dict[str, Any]] = [{"term": {names.PROCESS: process}}, {"range": {names.TIMESTAMP: within}}]
    if version is not None:
        wanted.append({"term": {"model_version": version}})
    view = client.open_point_in_time(index=index, keep_alive=_KEEP, ignore_unavailable=True)["id"]
    try:
        after: list[Any] | None = None
        while True:
            found = client.search(
                pit={"id": view, "keep_alive": _KEEP},
                query={"bool": {"filter": wanted}},
                sort=[{names.TIMESTAMP: "asc"}, {"_shard_doc": "asc"}],
                size=_AT_ONCE,
                search_after=after,
                source_includes=list(_FIELDS),
                track_total_hits=False,
                allow_partial_search_results=False,  # or a day deleted meanwhile would pass for one without rows
            )
            view = found["pit_id"]
            hits = found["hits"]["hits"]
            yield from hits
            if len(hits) < _AT_ONCE:
                return
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=view)
