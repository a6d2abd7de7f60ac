"""This exporter as a member of a consumer group: it reads the partitions that Kafka assigns to it.

One thread talks to Kafka. It hands messages to the readers of the partitions, and lets go of a partition at once when
Kafka revokes it or says that it is lost. A partition is only fetched once its state has been taken over, from the
offset that stands there; what Kafka remembers of the group's offsets is for people who watch its lag.

After a pause that was longer than Kafka waits for a sign of life (the process was stopped, the machine slept), it shows
and reads nothing before every share has been taken over again: others may have gone on with them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from aiwatch.ingest.batch import Counts
from aiwatch.ingest.commit import CheckpointError
from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.group.config import SESSION_TIMEOUT
from aiwatch.ingest.group.counts import sum_counts
from aiwatch.ingest.group.reader import Extent, Kit, Reader, Readers
from aiwatch.ingest.group.share import Share

_LOG = logging.getLogger(__name__)
_AT_ONCE = 500  # messages
_POLL_SECONDS = 0.1
_OPEN_SECONDS = 1.0  # for how long partitions are opened before messages are looked at again
_AGAIN_SECONDS = 5.0  # until a partition that could not be opened, or was taken, is tried again
_STOP_SECONDS = 5.0
_JOIN_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 10.0
_BUFFER_BYTES = 4 * 2**20  # of messages that wait for their pipelines, all together: what makes a batch, at most
_LEAST_BUFFER_BYTES = 128 * 2**10  # of one partition
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps

Place = tuple[str, int]  # topic and partition


@dataclass(slots=True)
class _Assigned:
    """A partition that is this exporter's, with its readers once it is open."""

    readers: list[Reader] = field(default_factory=list)
    paused: bool = False
    open_at: float = 0.0
    problem: str = ""


class Member:
    """Reads topics with others of the same group, each partition by one of them at a time."""

    def __init__(self, config: Mapping[str, str], topics: Readers, kit: Kit, halt: threading.Event) -> None:
        """Prepare; `start` joins the group. ``halt`` is set when it fails.

        :param config: of the consumer: see `aiwatch.ingest.group.config.consumer_config`.
        :param topics: what to read.
        """
        self.failure: BaseException | None = None
        """What it ended with, if that was an error."""
        self._consumer = Consumer(dict(config), logger=_LOG)
        self._topics = topics
        self._kit = kit
        self._halt = halt
        self._stop = threading.Event()
        self._lock = threading.Lock()  # of what other threads look at: which partitions there are and their readers
        self._partitions: dict[Place, _Assigned] = {}
        self._joined = False
        self._patience = int(config[SESSION_TIMEOUT]) / 1000
        self._ticked = time.clock_gettime(_CLOCK)
        self._slept = False
        self._look_at = 0.0
        self._told: dict[Place, int] = {}  # the offsets that Kafka was told last
        self._past = Counts()
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)

    # -- for others ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the group."""
        self._thread.start()

    def expositions(self) -> list[Exposition]:
        """Return the metrics of the partitions that are certainly this exporter's."""
        with self._lock:
            if self._slept or time.clock_gettime(_CLOCK) - self._ticked > self._patience:
                return []
            return [reader.exposition for reader in self._readers()]

    def problems(self) -> dict[str, str]:
        """Return which partitions cannot be read now, and why."""
        with self._lock:
            return {
                f"{topic}/{number}": held.problem for (topic, number), held in self._partitions.items() if held.problem
            }

    def counts(self) -> Counts:
        """Return what was done since the start."""
        with self._lock:
            return sum_counts([self._past, *(reader.counts for reader in self._readers())])

    def drain(self) -> None:
        """Wait until everything is delivered that was in the assigned partitions when they were opened.

        Feedback may wait a little longer for its interaction.

        Raises:
            CheckpointError: a partition cannot be read now.
            StoppedError: told to stop before that was done.
        """
        while not self._finished():
            for place, problem in self.problems().items():
                raise CheckpointError(f"partition {place} cannot be read: {problem}")
            self._wait()
        until = time.monotonic() + _JOIN_SECONDS
        while self._joining() and time.monotonic() < until:
            self._wait()

    def _wait(self) -> None:
        if self._halt.wait(_POLL_SECONDS):
            raise self.failure or StoppedError

    def _finished(self) -> bool:
        with self._lock:
            opened = self._joined and all(held.readers for _, held in self._partitions.items())
            return opened and all(reader.finished for reader in self._readers())

    def _joining(self) -> bool:
        with self._lock:
            return any(reader.joining for reader in self._readers())

    def close(self) -> None:
        """Stop reading and leave the group, so that others go on at once."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    # -- the thread that talks to Kafka --------------------------------------------------------------------

    def _run(self) -> None:
        consumer = self._consumer
        try:
            consumer.subscribe(
                list(self._topics),
                on_assign=self._assigned,
                on_revoke=partial(self._revoked, lost=False),
                on_lost=partial(self._revoked, lost=True),
            )
            while not self._stop.is_set():
                self._turn()
        except BaseException as error:
            self.failure = error
            self._halt.set()
        finally:
            self._let_go(list(self._partitions))
            consumer.close()

    def _turn(self) -> None:
        """Hand over messages, open partitions that are due, and look after everything."""
        waits = any(not held.readers and held.open_at <= time.monotonic() for _, held in self._partitions.items())
        messages = self._consumer.consume(_AT_ONCE, 0.0 if waits else _POLL_SECONDS)
        self._tick()
        if self._slept:
            _LOG.warning("woke up after a pause: taking every partition over again")
            self._let_go(list(self._partitions), open_in=_AGAIN_SECONDS)
            self._slept = False
            return
        self._hand_over(messages)
        self._regulate()
        self._open_due()
        if time.monotonic() >= self._look_at:
            self._look()
            self._look_at = time.monotonic() + _LOOK_SECONDS

    def _tick(self) -> None:
        now = time.clock_gettime(_CLOCK)
        with self._lock:
            self._slept = self._slept or now - self._ticked > self._patience
            self._ticked = now

    def _hand_over(self, messages: Iterable[Message]) -> None:
        found: dict[Place, list[tuple[int, bytes | None]]] = {}
        ends: dict[Place, int] = {}
        for message in messages:
            error = message.error()
            place = (str(message.topic()), int(message.partition() or 0))
            if error is None:
                found.setdefault(place, []).append((int(message.offset() or 0), message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                ends[place] = int(message.offset() or 0)
            else:
                self._complain(place, error)
        for place, values in found.items():
            for reader in self._readers_of(place):
                reader.source.put(values)
        for place, end in ends.items():
            for reader in self._readers_of(place):
                reader.source.reached_end(end)

    def _complain(self, place: Place, error: KafkaError) -> None:
        """Log what Kafka says; what concerns a partition that is read makes it be opened anew."""
        if error.fatal():
            raise KafkaException(error)
        _LOG.warning("Kafka: %s", error)
        if (
            error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
            and place in self._partitions
        ):
            self._let_go([place], open_in=_AGAIN_SECONDS)

    # -- partitions that come and go -----------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Note what is assigned; it is fetched once it is open."""
        consumer.incremental_assign([])
        with self._lock:
            self._joined = True
            for each in partitions:
                self._partitions[each.topic, each.partition] = _Assigned()
        if partitions:
            _LOG.info("assigned: %s", _listed(partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition], lost: bool) -> None:
        places = [(each.topic, each.partition) for each in partitions]
        self._let_go(places, lost=lost)
        with self._lock:
            for place in places:
                self._partitions.pop(place, None)
        _LOG.info("%s: %s", "lost" if lost else "revoked", _listed(partitions))

    def _let_go(self, places: Sequence[Place], *, lost: bool = False, open_in: float = 0.0) -> None:
        """Stop reading partitions; what was not committed is left to whoever opens them next."""
        with self._lock:
            held = {place: self._partitions[place] for place in places if place in self._partitions}
            self._partitions |= {place: _Assigned(open_at=time.monotonic() + open_in) for place in held}
        readers = [reader for each in held.values() for reader in each.readers]
        for reader in readers:
            reader.stop()
        until = time.monotonic() + _STOP_SECONDS
        for reader in readers:
            reader.wait(until - time.monotonic())
        with self._lock:
            self._past = sum_counts([self._past, *(reader.counts for reader in readers)])
        if not lost:
            self._tell({place: each.readers for place, each in held.items()}, wait=True)
        try:
            self._consumer.resume([TopicPartition(*place) for place, each in held.items() if each.paused])
            fetched = [TopicPartition(*place) for place, each in held.items() if each.readers]
            self._consumer.incremental_unassign(fetched)
        except KafkaException as error:
            _LOG.info("Kafka had taken partitions away already: %s", error)

    def _open_due(self) -> None:
        until = time.monotonic() + _OPEN_SECONDS
        for place, held in list(self._partitions.items()):
            if not held.readers and held.open_at <= time.monotonic() < until:
                self._open(place, held)
                self._tick()

    def _open(self, place: Place, held: _Assigned) -> None:
        """Take the state of a partition over and begin to fetch it; when that fails, it is tried again later."""
        topic, number = place
        readers: list[Reader] = []
        try:
            extent = self._extent(TopicPartition(topic, number))
            for process, logs in self._topics[topic]:
                readers.append(Reader(self._kit, process, logs, Share(process.name, topic, number), extent))
        except (CheckpointError, KafkaException) as error:
            for reader in readers:
                reader.close()
            with self._lock:
                held.problem, held.open_at = str(error), time.monotonic() + _AGAIN_SECONDS
            _LOG.error("partition %s/%d is not read: %s; next try in %.0f s", topic, number, error, _AGAIN_SECONDS)
            return
        for reader in readers:
            reader.start()
        with self._lock:
            held.readers, held.problem = readers, ""
        first = min(reader.source.committed_offset for reader in readers)
        self._consumer.incremental_assign([TopicPartition(topic, number, first)])

    def _extent(self, partition: TopicPartition) -> Extent:
        marks = self._consumer.get_watermark_offsets(partition, timeout=_ASK_SECONDS)
        if marks is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        (known,) = self._consumer.committed([partition], timeout=_ASK_SECONDS)
        return Extent(*marks, known=known.offset >= 0)

    # -- looking after them --------------------------------------------------------------------------------

    def _regulate(self) -> None:
        """Do not fetch what could not be worked on: messages wait with Kafka, not here."""
        open_ = [(place, held) for place, held in self._partitions.items() if held.readers]
        most = max(_LEAST_BUFFER_BYTES, _BUFFER_BYTES // max(1, len(open_)))
        for place, held in open_:
            waiting = max(reader.source.buffered_bytes for reader in held.readers)
            if not held.paused and waiting > most:
                self._consumer.pause([TopicPartition(*place)])
                held.paused = True
            elif held.paused and waiting < most // 4:
                self._consumer.resume([TopicPartition(*place)])
                held.paused = False

    def _look(self) -> None:
        """See how the readers are, how much there is to read, and tell Kafka what is durable."""
        for place, held in list(self._partitions.items()):
            for reader in held.readers:
                if reader.failure is not None:
                    raise reader.failure
                marks = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
                if marks is not None and marks[1] > 0:
                    reader.source.expect(marks[1])
            if any(reader.taken for reader in held.readers):
                self._let_go([place], open_in=_AGAIN_SECONDS)
        self._tell({place: held.readers for place, held in self._partitions.items()}, wait=False)

    def _tell(self, read: Mapping[Place, Sequence[Reader]], wait: bool) -> None:
        """Tell Kafka up to where everything is durable."""
        offsets = {place: min(r.source.committed_offset for r in readers) for place, readers in read.items() if readers}
        news = {place: offset for place, offset in offsets.items() if self._told.get(place) != offset}
        if not news:
            return
        try:
            partitions = [TopicPartition(*place, offset) for place, offset in news.items()]
            if wait:
                self._consumer.commit(offsets=partitions, asynchronous=False)
            else:
                self._consumer.commit(offsets=partitions, asynchronous=True)
        except KafkaException as error:
            _LOG.info("Kafka was not told how far its messages are read: %s", error)
        else:
            self._told.update(news)

    def _readers(self) -> list[Reader]:
        return [reader for _, held in self._partitions.items() for reader in held.readers]

    def _readers_of(self, place: Place) -> list[Reader]:
        held = self._partitions.get(place)
        return [] if held is None else held.readers


def _listed(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(sorted(f"{each.topic}/{each.partition}" for each in partitions))
