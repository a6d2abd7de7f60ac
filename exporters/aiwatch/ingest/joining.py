"""Feedback joined onto the interaction that it is about, however much later it comes, or earlier."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import UTC
from functools import partial
from itertools import chain, islice
from typing import Any

import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from aiwatch import names
from aiwatch.ingest.batch import Lines
from aiwatch.ingest.commit import Join
from aiwatch.ingest.documents import address_of, body_of
from aiwatch.ingest.sending import in_background
from aiwatch.kinds.chat import Feedback

_FEEDBACK = msgspec.json.Decoder(Feedback)
_LOG = logging.getLogger(__name__)
JOINS_AT_ONCE = 500
_EVERY_SECONDS = 1.0
_MOST_NEW = 20_000  # not yet tried
_PATIENCE_SECONDS = 7 * 86400.0


def build_joins(stored: Lines, now: float) -> list[Join]:
    """Return what is to be put onto the interactions that feedback among the stored lines is about."""
    return [_build_join(document, now) for document in stored.documents_of("feedback")]


def _build_join(document: bytes, now: float) -> Join:
    record = _FEEDBACK.decode(body_of(document))
    stamp = record.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    patch = {names.TIMESTAMP: stamp, "rating": record.rating}
    if record.comment is not None:
        patch["comment"] = record.comment
    feedback = address_of(document).id
    return Join(feedback, f"{feedback.partition(':')[0]}:{record.interaction}", patch, now)


class Joiner:
    """Puts each feedback onto its interaction as the object ``feedback``; the newest one by its own time stays."""

    def __init__(self, client: Elasticsearch) -> None:
        """Use ``client``, whose key may read and update interactions."""
        self._client = client

    def join(self, batch: Sequence[Join], now: float) -> list[str]:
        """Return the ids of those that are done with: joined, older than another, or too old to wait for longer.

        Whatever goes wrong with the server is logged; what was not joined stays for the next time.
        """
        done: set[str] = set()
        try:
            found = self._find(batch)
            done = self._update([join for join in batch if join.interaction in found], found)
        except (ApiError, TransportError) as error:
            _LOG.warning("%d feedback wait to be joined: %s", len(batch), error)
            return []
        late = {join.feedback for join in batch if now - join.since > _PATIENCE_SECONDS} - done
        if late:
            _LOG.info("%d feedback stay alone: their interactions did not appear for 7 days", len(late))
        return sorted(done | late)

    def _find(self, batch: Sequence[Join]) -> dict[str, dict[str, Any]]:
        ids = sorted({join.interaction for join in batch})
        response = self._client.search(
            index=f"{names.INDEX_PREFIX}{names.FAMILY_INTERACTIONS}-*",
            query={"ids": {"values": ids}},
            size=len(ids),
            source_includes=[f"feedback.{names.TIMESTAMP}"],
            seq_no_primary_term=True,
            ignore_unavailable=True,
            allow_no_indices=True,
            allow_partial_search_results=False,  # or what a shard holds that is not there yet would be given up
        )
        return {hit["_id"]: hit for hit in response["hits"]["hits"]}

    def _update(self, joins: Sequence[Join], found: dict[str, dict[str, Any]]) -> set[str]:
        newest: dict[str, Join] = {}
        done: set[str] = set()
        for join in joins:
            held = found[join.interaction].get("_source", {}).get("feedback", {}).get(names.TIMESTAMP, "")
            rival = newest.get(join.interaction)
            if join.patch[names.TIMESTAMP] <= held:
                done.add(join.feedback)
            elif rival is None or join.patch[names.TIMESTAMP] > rival.patch[names.TIMESTAMP]:
                newest[join.interaction] = join
        if not newest:
            return done
        operations: list[dict[str, Any]] = []
        for interaction, join in newest.items():
            hit = found[interaction]
            place = {"_index": hit["_index"], "_id": interaction}
            unchanged = {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}
            operations += [{"update": place | unchanged}, {"doc": {"feedback": {"comment": None, **join.patch}}}]
        settled: set[str] = set()
        for interaction, item in zip(newest, self._client.bulk(operations=operations)["items"], strict=True):
            if item["update"]["status"] < 300:
                settled.add(interaction)
            elif item["update"]["status"] != 409:  # changed in the meantime: looked at again the next time
                _LOG.warning("feedback on %s waits to be joined: %s", interaction, item["update"].get("error"))
        return done | {join.feedback for join in joins if join.interaction in settled}


class JoinQueue:
    """The feedback that still waits, tried in turns so that what never finds its interaction holds up nobody."""

    def __init__(self, joiner: Joiner, waiting: Iterable[Join]) -> None:
        """Begin with what the checkpoint held."""
        self._joiner = joiner
        self._new = {join.feedback: join for join in waiting}
        self._tried: dict[str, Join] = {}
        self._trying: Future[list[str]] | None = None
        self._next_at = 0.0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._new) + len(self._tried)

    @property
    def behind(self) -> bool:
        """Whether so many were not tried even once that reading should wait for them."""
        return len(self._new) > _MOST_NEW

    def add(self, joins: Iterable[Join]) -> None:
        """Take new feedback, which is tried first."""
        self._new.update((join.feedback, join) for join in joins)

    def step(self, now: float) -> list[str]:
        """Go on in the background, and return the ids that are done with since the last call: commit them.

        New feedback is tried at once as long as there is a whole round of it, the others once a second.
        """
        due = len(self._new) >= JOINS_AT_ONCE or time.monotonic() >= self._next_at
        if self._trying is None and self.waiting and due:
            batch = list(islice(chain(self._new.values(), self._tried.values()), JOINS_AT_ONCE))
            for join in batch:  # to the end of the queue
                self._new.pop(join.feedback, None)
                self._tried.pop(join.feedback, None)
                self._tried[join.feedback] = join
            self._trying = in_background(partial(self._joiner.join, batch, now))
            self._next_at = time.monotonic() + _EVERY_SECONDS
        if self._trying is None or not self._trying.done():
            return []
        done, self._trying = self._trying.result(), None
        for feedback in done:
            self._tried.pop(feedback, None)
        return done
