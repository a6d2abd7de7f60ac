"""The profiles of hours on their way to the store, beside the documents of their predictions.

What was committed is written, a whole profile each time, under an id of its own and with its rows as version. So it
does not matter how often it is written, or by whom: fewer rows never replace more. After a restart everything that the
checkpoint holds counts as not yet written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial

import msgspec

from aiwatch.ingest.contracts import Outcome, Sink
from aiwatch.ingest.documents import Documents, make_rewrite
from aiwatch.ingest.profiling import HeldProfile, Key, ProfileBook
from aiwatch.ingest.sending import in_background
from aiwatch.profiles.document import ProfileDocument

_LOG = logging.getLogger(__name__)
_EVERY_SECONDS = 3.0
_KEPT_SECONDS = 48 * 3600.0  # after the last prediction of an hour came
_MOST_KEPT = 200  # profiles of a pipeline
_MOST_UNWRITTEN = 2000
_AT_ONCE = 500


class ProfileWriting:
    """Writes what a book holds, in the background and a few seconds apart; tells what need not be held any longer."""

    def __init__(self, book: ProfileBook, sink: Sink) -> None:
        """Write to ``sink``."""
        self._book = book
        self._sink = sink
        self._written: dict[Key, int] = {}  # how many rows the store has of each
        self._refused: set[Key] = set()
        self._flying: tuple[list[HeldProfile], Future[Mapping[int, Outcome]]] | None = None
        self._next_at = 0.0

    @property
    def unwritten(self) -> int:
        """How many profiles the store does not have as they are."""
        return sum(self._is_unwritten(held) for held in self._book.held.values())

    @property
    def behind(self) -> bool:
        """Whether so many wait that reading should wait for them."""
        return len(self._book.held) > _MOST_UNWRITTEN and self.unwritten > _MOST_UNWRITTEN

    def step(self, now: float) -> list[Key]:
        """Go on; return the profiles that are done with, oldest first: commit that, and let the book forget them.

        Raises:
            StoppedError: told to stop while some waited; they will be written after a restart.
        """
        if self._flying is not None and self._flying[1].done():
            self._land()
        if self._flying is not None or time.monotonic() < self._next_at:
            return []
        self._start()
        self._next_at = time.monotonic() + _EVERY_SECONDS
        return self._done_with(now)

    def finish(self, seconds: float | None) -> None:
        """Write everything, but wait no longer than ``seconds`` for each request.

        Raises:
            StoppedError: told to stop while some waited; they will be written after a restart.
        """
        while self._flying is not None or self.unwritten:
            if self._flying is None:
                self._start()
            assert self._flying is not None
            wait([self._flying[1]], seconds)
            if not self._flying[1].done():
                return
            self._land()

    def forget(self, keys: Sequence[Key]) -> None:
        """Leave out profiles that were forgotten."""
        self._book.forget(keys)
        for key in keys:
            self._written.pop(key, None)

    def _is_unwritten(self, held: HeldProfile) -> bool:
        return self._written.get(held.key) != held.document.rows

    def _start(self) -> None:
        chosen = [held for held in self._book.held.values() if self._is_unwritten(held)][:_AT_ONCE]
        if chosen:
            documents = Documents.of([as_rewrite(held.document) for held in chosen])
            self._flying = chosen, in_background(partial(self._sink.send, documents))

    def _land(self) -> None:
        assert self._flying is not None
        (chosen, future), self._flying = self._flying, None
        outcomes = future.result()
        for place, held in enumerate(chosen):
            if place in outcomes and held.key not in self._refused:
                _LOG.error("the profile %s is refused: %s", held.document.id, outcomes[place].reason)
                self._refused.add(held.key)
            self._written[held.key] = held.document.rows  # what is refused would be refused again

    def _done_with(self, now: float) -> list[Key]:
        oldest = sorted(self._book.held.values(), key=lambda each: each.touched)
        surplus = max(0, len(oldest) - _MOST_KEPT)
        return [
            each.key
            for place, each in enumerate(oldest)
            if (place < surplus or now - each.touched > _KEPT_SECONDS) and not self._is_unwritten(each)
        ]


def as_rewrite(document: ProfileDocument) -> bytes:
    """Return a profile's document on its way to the store."""
    return make_rewrite(document.index, document.id, document.rows, msgspec.json.encode(document))
