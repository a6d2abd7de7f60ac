"""Profiles out of Elasticsearch, results into it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from elasticsearch import Elasticsearch, NotFoundError

from aiwatch import names
from aiwatch.detect.hourly.chain import Link, Seen
from aiwatch.profiles.document import ProfileDocument, profile_of
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import RESULTS, Result, result_id, result_index

_PROFILES = f"{names.INDEX_PREFIX}{names.FAMILY_PROFILES}-*"
_AT_ONCE = 500  # documents in one answer
_FIELDS = {"link", "memory"}  # that a document has besides those of its result


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A tested window as it is stored: its result, its place in the chain, and what the monitor remembers after it."""

    result: Result
    link: Link
    memory: bytes


class DriftStore:
    """What the service reads and writes; every method raises what the client raises."""

    def __init__(self, client: Elasticsearch) -> None:
        """Use ``client``, which may read profiles, and read, write and delete results."""
        self._client = client

    def seen(self, process: str, baseline: str, since: datetime | None) -> Seen:
        """Return the rows of every hour of a process that were counted by a baseline."""
        wanted: list[dict[str, Any]] = [{"term": {names.PROCESS: process}}, {"term": {"baseline": baseline}}]
        if since is not None:
            wanted.append(_from(since))
        hours = {"date_histogram": {"field": names.TIMESTAMP, "fixed_interval": "1h", "min_doc_count": 1}}
        answer = self._client.search(
            index=_PROFILES,
            size=0,
            allow_partial_search_results=False,  # a shard that is not there yet would pass for hours without rows
            query={"bool": {"filter": wanted}},
            aggs={"hours": {**hours, "aggs": {"rows": {"sum": {"field": "rows"}}}}},
        )
        buckets = answer["aggregations"]["hours"]["buckets"] if "aggregations" in answer else []
        return {datetime.fromisoformat(bucket["key_as_string"]): round(bucket["rows"]["value"]) for bucket in buckets}

    def profiles(self, process: str, baseline: str, start: datetime, end: datetime) -> list[Profile]:
        """Return the profiles of a window, one for each hour and model version, in the order of time.

        Raises:
            DamagedProfileError: a document holds no profile.
        """
        wanted = [{"term": {names.PROCESS: process}}, {"term": {"baseline": baseline}}, _from(start, end)]
        merged: dict[tuple[datetime, str], Profile] = {}
        for source in self._scan(_PROFILES, wanted, ascending=True):
            document = msgspec.convert(source, ProfileDocument)
            profile = profile_of(document)
            key = (profile.start, profile.model_version)
            if key in merged:
                merged[key].merge(profile)
            else:
                merged[key] = profile
        return [merged[key] for key in sorted(merged)]

    def links(self, process: str, since: datetime) -> list[Link]:
        """Return the tested windows of a process that began at ``since`` or later, and the one before, oldest first."""
        wanted = [{"term": {names.PROCESS: process}}]
        found: list[Link] = []
        for source in self._scan(RESULTS, wanted, ascending=False, fields=["link"]):
            if "link" in source:
                found.append(msgspec.convert(source["link"], Link))
                if found[-1].start < since:
                    break
        return found[::-1]

    def tested(self, process: str, start: datetime) -> StoredWindow | None:
        """Return a tested window with everything, None if it is not there."""
        id_ = result_id(process, start)
        try:
            source = self._client.get(index=result_index(id_), id=id_)["_source"]
        except NotFoundError:
            return None
        result = msgspec.convert({key: value for key, value in source.items() if key not in _FIELDS}, Result)
        return StoredWindow(
            result, msgspec.convert(source["link"], Link), zlib.decompress(base64.b64decode(source["memory"]))
        )

    def results(self, process: str, baseline: str, start: datetime, end: datetime) -> list[Result]:
        """Return what was found by one baseline in the windows that began in a time, oldest first, without reports."""
        wanted = [{"term": {names.PROCESS: process}}, {"term": {"baseline": baseline}}, _from(start, end)]
        found = self._scan(RESULTS, wanted, ascending=True, without=["report", *_FIELDS])
        return [msgspec.convert(source, Result) for source in found]

    def put(self, tested: StoredWindow) -> None:
        """Store a tested window, in the place of what was there of it."""
        document = msgspec.to_builtins(tested.result)
        document["link"] = msgspec.to_builtins(tested.link)
        document["memory"] = base64.b64encode(zlib.compress(tested.memory)).decode()
        id_ = tested.result.id
        self._client.index(index=result_index(id_), id=id_, document=document)

    def remove_others(self, process: str, since: datetime, until: datetime, kept: Sequence[Link]) -> None:
        """Remove the results of windows that began at ``since`` or later, before ``until``, and are none any more."""
        ids = {result_id(process, link.start) for link in kept}
        wanted = [{"term": {names.PROCESS: process}}, _from(since, until)]
        for source in self._scan(RESULTS, wanted, ascending=True, fields=["id"]):
            if (id_ := source["id"]) not in ids:
                self._client.options(ignore_status=404).delete(index=result_index(id_), id=id_)

    def _scan(
        self,
        index: str,
        wanted: Sequence[dict[str, Any]],
        *,
        ascending: bool,
        fields: Sequence[str] | None = None,
        without: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the documents that fulfil all of ``wanted``, in the order of their time."""
        order = "asc" if ascending else "desc"
        after: list[Any] | None = None
        while True:
            answer = self._client.search(
                index=index,
                query={"bool": {"filter": list(wanted)}},
                sort=[
                    {names.TIMESTAMP: {"order": order, "unmapped_type": "date"}},
                    {"part" if index == _PROFILES else "id": {"order": order, "unmapped_type": "keyword"}},
                ],
                search_after=after,
                source_includes=fields,
                source_excludes=without,
                size=_AT_ONCE,
                ignore_unavailable=True,
                allow_partial_search_results=False,
            )
            hits = answer["hits"]["hits"]
            yield from (hit["_source"] for hit in hits)
            if len(hits) < _AT_ONCE:
                return
            after = hits[-1]["sort"]


def _from(start: datetime, end: datetime | None = None) -> dict[str, Any]:
    until = {} if end is None else {"lt": end.isoformat()}
    return {"range": {names.TIMESTAMP: {"gte": start.isoformat(), **until}}}
