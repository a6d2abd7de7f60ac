"""One share at work: a pipeline of its own, in a thread of its own, with a state of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiwatch import names
from aiwatch.catalogue.model import Log, Process
from aiwatch.ingest.batch import Feed
from aiwatch.ingest.commit import CheckpointError, CheckpointStore
from aiwatch.ingest.contracts import Sink, StoppedError
from aiwatch.ingest.core import with_core
from aiwatch.ingest.decode import Decoder, source_key
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.group.contracts import Holding, ShareStore, TakenError
from aiwatch.ingest.group.lags import LagBook, PartMetrics
from aiwatch.ingest.group.share import Share
from aiwatch.ingest.joining import Joiner, JoinQueue
from aiwatch.ingest.pipeline import Pipeline
from aiwatch.ingest.profiling import ProfileBook
from aiwatch.ingest.self_metrics import SelfMetrics
from aiwatch.ingest.sources.kafka import KafkaSource
from aiwatch.ingest.state import MetricState

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kit:
    """What the readers of an exporter are made with.

    ``new_state`` returns the metrics of a process as a checkpoint holds them, ``new_sink`` a sink that gives up once
    an event is set; without ``joiner`` feedback stays apart from its interaction. ``connections`` and
    ``zero_seconds`` are as for a pipeline.
    """

    store: ShareStore
    new_state: Callable[[Process, CheckpointStore], MetricState]
    new_sink: Callable[[threading.Event], Sink]
    joiner: Joiner | None
    self_metrics: SelfMetrics
    book: LagBook
    connections: int
    zero_seconds: float


@dataclass(frozen=True, slots=True)
class Extent:
    """What a partition holds: messages from the offset ``low`` up to before ``high``.

    ``known`` says that the group has read some of it before, as Kafka remembers it.
    """

    low: int
    high: int
    known: bool


Readers = Mapping[str, Sequence[tuple[Process, tuple[Log, ...]]]]
"""Which processes read a topic, and how."""


class Reader:
    """Reads a share until it is stopped or fails.

    Attributes:
        share: which one.
        source: where its messages are put.
        exposition: its metrics.
        end: the offset up to which messages were written when it was opened.
        taken: that another exporter goes on with it.
        failure: what it ended with, if that was an error.
    """

    def __init__(self, kit: Kit, process: Process, logs: Sequence[Log], share: Share, extent: Extent) -> None:
        """Take a share over and go on where its state says; `start` begins.

        Raises:
            CheckpointError: the state cannot be had, or does not fit to what Kafka holds.
        """
        self.share = share
        self.end = extent.high
        self.taken = False
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._holding = kit.store.open(share, self._stop)
        try:
            checkpoint = self._holding.checkpoint
            key = source_key(process, logs[0].place)
            offset = _offset(self._holding, key, share, extent, kit.store.begun)
            self.source = KafkaSource(key, share.stream, share.place, offset)
            self.source.expect(extent.high)
            self._state = kit.new_state(process, checkpoint)
            self._joins = None if kit.joiner is None else JoinQueue(kit.joiner, checkpoint.image.waiting_joins())
            self.exposition = Exposition(self._state, {names.PARTITION: share.place})
            self._metrics = PartMetrics(kit.self_metrics, kit.book)
            self._pipeline = Pipeline(
                [Feed(process, self.source, with_core(Decoder(process, logs), process, logs))],
                kit.new_sink(self._stop),
                checkpoint,
                self._state,
                self._holding.letters,
                self._joins,
                ProfileBook([process], checkpoint.image.profiles.values()),
                self._metrics,
                self._stop,
                connections=kit.connections,
                zero_seconds=kit.zero_seconds,
            )
        except BaseException:
            self._holding.close()
            raise
        self.counts = self._pipeline.counts
        self._thread = threading.Thread(target=self._run, name=share.place, daemon=True)

    @property
    def finished(self) -> bool:
        """Whether everything that was there when it was opened is durable, and shown."""
        written = not self._state.young and not self._pipeline.unwritten_profiles()
        return self.source.committed_offset >= self.end and written

    @property
    def joining(self) -> bool:
        """Whether feedback waits for its interaction."""
        return self._joins is not None and self._joins.waiting > 0

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Give the share back; it was never started."""
        self._pipeline.close()
        self._holding.close()

    def stop(self) -> None:
        """Tell it to stop; what was not committed is read again."""
        self._stop.set()

    def wait(self, seconds: float) -> None:
        """Wait until it has stopped, but no longer than this: what it commits later is refused or the next one's."""
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            _LOG.warning("%s does not stop: it waits for an answer; what comes of it does not count", self.share)
        self._metrics.forget()

    def _run(self) -> None:
        try:
            self._pipeline.run()
        except StoppedError:
            pass
        except TakenError as error:
            _LOG.warning("%s", error)
            self.taken = True
        except BaseException as error:
            self.failure = error
        finally:
            self._pipeline.close()
            self._metrics.forget()
            self._holding.close()


def _offset(holding: Holding, key: str, share: Share, extent: Extent, begun: bool) -> int:
    """Return the offset to read from; never silently from the beginning again, and never silently further on."""
    position = next(iter(holding.checkpoint.image.positions_of(key)), None)
    if position is None:
        if begun and extent.known:
            raise CheckpointError(
                f"Kafka says that the group has read {share} before, but nothing of its state is here; nothing is read "
                f"now. Restore what the state was kept in; or, to read and count everything again, name another "
                f"--kafka-group"
            )
        return extent.low
    if position.offset > extent.high:
        raise CheckpointError(
            f"{share} was read up to offset {position.offset}, but ends at {extent.high}: was the topic made anew? "
            f"Nothing of it is read now; to read it as new, name another --kafka-group"
        )
    if position.offset < extent.low:
        _LOG.error(
            "%s: %d messages were deleted from Kafka before they were read (offsets %d to %d): its retention is "
            "shorter than this exporter was away",
            share,
            extent.low - position.offset,
            position.offset,
            extent.low - 1,
        )
    return max(position.offset, extent.low)
