"""The runner of the data half: read, decode, send, fold, commit, publish - one batch after the other.

A batch's positions, its metrics and its dead letters become durable in one transaction, after its documents were
acknowledged. A kill at any moment therefore means: the batch is read again, the documents that were already there
are recognised, and it is counted once. Batches are committed in the order in which they were read.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiwatch.ingest.batch import Batch, Counts, Feed, Part, Settled, fold, settle
from aiwatch.ingest.commit import CheckpointStore, Commit
from aiwatch.ingest.contracts import Block, Outcome, Sink, StoppedError
from aiwatch.ingest.dead_letters import Letters
from aiwatch.ingest.decode import Decoded, Reject
from aiwatch.ingest.joining import JoinQueue, build_joins
from aiwatch.ingest.lag import Lag
from aiwatch.ingest.profile_writing import ProfileWriting
from aiwatch.ingest.profiling import Key, ProfileBook
from aiwatch.ingest.self_metrics import SelfMetrics
from aiwatch.ingest.sending import Sending
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import SessionBook

_LOG = logging.getLogger(__name__)
BATCH_BYTES = 3 * 2**20
BLOCK_BYTES = 256 * 2**10  # what is worked on at once stays in the processor's cache
_POLL_SECONDS = 0.2
_STOP_SECONDS = 3.0  # for how long a stop waits for profiles to be written
_JOIN_SECONDS = 5.0  # for how long `drain` waits for interactions to become searchable
_MATURE_EVERY = 1.0  # seconds
_MANY_SESSIONS = 10_000


class Pipeline:
    """Moves lines from the feeds to the sink and their metrics to the state."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        sink: Sink,
        checkpoint: CheckpointStore,
        state: MetricState,
        dead_letters: Letters,
        joins: JoinQueue | None,
        profiles: ProfileBook,
        self_metrics: SelfMetrics,
        stop: threading.Event,
        *,
        connections: int = 2,
        zero_seconds: float = 0.0,
        arrived: threading.Event | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the parts over; `run` or `drain` sets them going.

        ``connections`` is how many batches are on their way to the sink at once, ``zero_seconds`` for how long a new
        series is shown as 0. ``arrived`` is set by whoever has something to read that need not wait for the next
        look at the sources. Without ``joins`` feedback stays apart from its interaction.
        """
        self.counts = Counts()
        self._feeds = list(feeds)
        self._sending: Sending[Batch] = Sending(sink, connections)
        self._checkpoint = checkpoint
        self._state = state
        self._dead_letters = dead_letters
        self._joins = joins
        self._profiles = profiles
        self._profile_writing = ProfileWriting(profiles, sink)
        self._self_metrics = self_metrics
        self._stop = stop
        self._zero_seconds = zero_seconds
        self._arrived = arrived or threading.Event()
        self._clock = clock
        processes = {feed.process.name for feed in feeds}
        self._sessions_limit = dict.fromkeys(processes, _MANY_SESSIONS)
        self._lags = {name: Lag(clock()) for name in processes}
        self._mature_at = 0.0

    def run(self) -> None:
        """Work until told to stop, and write the profiles then if that can be done at once.

        Raises:
            StoppedError: told so while a batch waited; it will be read again.
        """
        while not self._stop.is_set():
            self._arrived.clear()
            if not self._step():
                self._arrived.wait(_POLL_SECONDS)
        self._profile_writing.finish(_STOP_SECONDS)

    def drain(self) -> None:
        """Deliver what the logs hold now, join what can be joined, write the profiles, and show everything.

        Raises:
            StoppedError: told to stop before that was done.
        """
        while self._step():
            if self._stop.is_set():
                raise StoppedError
        until = time.monotonic() + _JOIN_SECONDS
        while self._joins is not None and self._joins.waiting and time.monotonic() < until:
            self._joined(self._joins.step(self._clock()))
            if self._stop.wait(0.1):
                raise StoppedError
        self._profile_writing.finish(None)
        self._mature()

    def problems(self) -> dict[str, str]:
        """Return what cannot be read now: path to what is wrong and what to do about it."""
        return {path: text for feed in self._feeds for path, text in feed.source.problems().items()}

    def unwritten_profiles(self) -> int:
        """Return how many profiles of hours are not yet stored as they are."""
        return self._profile_writing.unwritten

    def unread_bytes(self) -> int:
        """Return how many bytes were written and not delivered at the last look."""
        return sum(lag.bytes for lag in self._lags.values())

    def close(self) -> None:
        """Let go of the sources."""
        for feed in self._feeds:
            feed.source.close()

    # -- one step ------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Read a batch and send it, unless too many are on their way; commit what has been delivered.

        Returns whether anything moved or is on its way. It waits a moment at most.
        """
        moved = behind = False
        if self._joins is not None:
            self._joined(self._joins.step(self._clock()))
            behind = self._joins.behind
        self._forget(self._profile_writing.step(self._clock()))
        if behind or self._profile_writing.behind:
            self._stop.wait(0.02)
        elif not self._sending.full:
            batch = self._read()
            if batch.parts:
                self._sending.send(batch, batch.documents())
                moved = True
        self._look()
        delivered = self._sending.take(0.0 if moved and not self._sending.full else _POLL_SECONDS)
        if delivered is not None:
            self._deliver(*delivered)
            self._look()
        if time.monotonic() >= self._mature_at:
            self._mature()
        return moved or behind or delivered is not None or bool(self._sending.loads)

    def _read(self) -> Batch:
        """Take blocks from the feeds in turn, until the batch has no room for another or no feed has anything new."""
        batch = Batch()
        now = datetime.fromtimestamp(self._clock(), UTC)
        feeds = self._feeds
        while feeds:
            feeds = [feed for feed in feeds if self._read_block(feed, batch, now)]
        self._feeds = self._feeds[1:] + self._feeds[:1]  # nobody is always last
        gone = [stream for feed in self._feeds for stream in feed.source.forgotten()]
        if gone:
            self._commit(Commit(forgotten_streams=gone))
        return batch

    def _read_block(self, feed: Feed, batch: Batch, now: datetime) -> bool:
        """Add the next lines of a feed, if the batch has room for them; return whether there were any."""
        if batch.size + BLOCK_BYTES > BATCH_BYTES:
            return False
        block = feed.source.read(BLOCK_BYTES)
        while block is not None and not block.data and not block.oversized:
            self._announce(feed, block, batch)
            block = feed.source.read(BLOCK_BYTES)
        if block is not None:
            batch.add(Part(feed, block, feed.decoder.decode(block, now)))
        return block is not None

    def _announce(self, feed: Feed, block: Block, batch: Batch) -> None:
        """Commit a position that brings no lines: at once, but never ahead of lines that are still on their way."""
        if any(block.stream in each.streams for each in (*self._sending.loads, batch)):
            batch.add(Part(feed, block, Decoded()))
        else:
            self._commit(Commit(positions={block.stream: block.position}))
            feed.source.committed(block.position)

    def _deliver(self, batch: Batch, outcomes: Mapping[int, Outcome]) -> None:
        """Fold what was stored, commit everything about the batch, and show it."""
        now = self._clock()
        start = 0
        commit = Commit(positions={part.block.stream: part.block.position for part in batch.parts})
        rejects: list[Reject] = []
        by_process: dict[str, list[tuple[Part, Settled]]] = {}
        for part in batch.parts:
            settled = settle(part, outcomes, start)
            start += len(part.decoded)
            by_process.setdefault(part.feed.process.name, []).append((part, settled))
            rejects += settled.rejects
            if self._joins is not None:
                commit.joins += build_joins(settled.stored, now)
            self.counts.add(part, settled)
        books = {name: SessionBook(self._sessions_of(name)) for name in by_process}
        deltas = [fold(parts[0][0].feed.process, parts, books[name]) for name, parts in by_process.items()]
        commit.series = self._state.prepare(deltas, now)
        commit.profiles = [
            held
            for name, parts in by_process.items()
            for held in self._profiles.prepare(name, [settled.stored for _, settled in parts], now)
        ]
        commit.sessions = {name: book.touched for name, book in books.items() if book.touched}
        commit.forgotten_sessions = self._ended_sessions(commit.sessions, now)
        self._commit(commit, rejects)
        self._state.publish(commit.series)
        self._profiles.publish(commit.profiles)
        for name in commit.forgotten_sessions:
            self._sessions_limit[name] = max(_MANY_SESSIONS, 2 * len(self._sessions_of(name)))
        for part in batch.parts:
            part.feed.source.committed(part.block.position)
            self._lags[part.feed.process.name].delivered(part.size)
        if self._joins is not None:
            self._joins.add(commit.joins)
        self._self_metrics.delivered(now)

    def _commit(self, commit: Commit, rejects: Sequence[Reject] = ()) -> None:
        """Make a change durable, however long the disk refuses (it may be full): nothing is dropped."""
        pause = 0.5
        while True:
            try:
                size = self._dead_letters.append(rejects, datetime.fromtimestamp(self._clock(), UTC))
                commit.dead_letter_bytes = size if rejects else None
                self._checkpoint.commit(commit)
            except (OSError, sqlite3.OperationalError) as error:
                _LOG.error("cannot write the state (%s): make room on its disk; next try in %.1f s", error, pause)
                self._self_metrics.retrying("commit")
                if self._stop.wait(pause):
                    raise StoppedError from error
                pause = min(pause * 2, 30.0)
            else:
                if rejects:
                    self._dead_letters.committed(size)
                return

    # -- housekeeping --------------------------------------------------------------------------------------

    def _sessions_of(self, name: str) -> dict[str, float]:
        """Return the open sessions of a process, as they are committed."""
        return self._checkpoint.image.sessions.get(name, {})

    def _ended_sessions(self, touched: dict[str, dict[str, float]], now: float) -> dict[str, float]:
        """Return, for processes with very many sessions, before when a session ended long ago."""
        return {
            name: min(now, max(seen.values())) - 4 * SessionBook.GAP_SECONDS
            for name, seen in touched.items()
            if len(self._sessions_of(name)) > self._sessions_limit[name]
        }

    def _joined(self, done: Sequence[str]) -> None:
        if done:
            self._commit(Commit(joined=list(done)))

    def _forget(self, keys: Sequence[Key]) -> None:
        if keys:
            self._commit(Commit(forgotten_profiles=[self._profiles.held[key].document.part for key in keys]))
            self._profile_writing.forget(keys)

    def _mature(self) -> None:
        """Show the values of series that were shown as 0 for long enough; that they are is committed first."""
        keys, shown_until = self._state.ripe(self._zero_seconds)
        if keys:
            self._commit(Commit(shown_until=max(shown_until, self._checkpoint.image.shown_until)))
            self._state.mature(keys)
        self._mature_at = time.monotonic() + _MATURE_EVERY

    def _look(self) -> None:
        """Bring the lags up to date."""
        unread = dict.fromkeys(self._lags, 0)
        flying = dict.fromkeys(self._lags, 0)
        for feed in self._feeds:
            unread[feed.process.name] += feed.source.lag_bytes()
        for batch in self._sending.loads:
            for part in batch.parts:
                flying[part.feed.process.name] += part.size
        now = self._clock()
        for name, lag in self._lags.items():
            lag.look(now, unread[name], flying[name])
            self._self_metrics.observe_lag(name, lag.bytes, lag.since)
