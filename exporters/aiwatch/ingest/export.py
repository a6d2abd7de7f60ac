"""Puts the exporter together from a catalogue and runs it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from elasticsearch import Elasticsearch

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Log, Process
from aiwatch.hints import install
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import CheckpointStore
from aiwatch.ingest.contracts import Sink
from aiwatch.ingest.dead_letters import DeadLetters
from aiwatch.ingest.exposition import Exposition, JointExposition, Renders
from aiwatch.ingest.feeds import Opening, feeds, log_groups, warn_of_lines_without_reader
from aiwatch.ingest.group.contracts import GroupMember, ShareStore
from aiwatch.ingest.group.elasticsearch_store import ElasticsearchShareStore
from aiwatch.ingest.group.lags import LagBook, PartMetrics
from aiwatch.ingest.group.reader import Kit, Readers
from aiwatch.ingest.group.shared_sink import SharedSink
from aiwatch.ingest.group.sqlite_store import SqliteShareStore
from aiwatch.ingest.joining import Joiner, JoinQueue
from aiwatch.ingest.pipeline import Pipeline
from aiwatch.ingest.profiling import ProfileBook
from aiwatch.ingest.reasons import REASONS
from aiwatch.ingest.self_metrics import DURABLE, SelfMetrics
from aiwatch.ingest.sinks.elasticsearch_bulk import ElasticsearchSink
from aiwatch.ingest.sinks.ndjson import NdjsonSink
from aiwatch.ingest.sources.spool import Spool
from aiwatch.ingest.sources.stdin import StandardInput
from aiwatch.ingest.state import MetricState
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Delta, Metric

_LOG = logging.getLogger(__name__)
_CATALOGUED = {names.INTENT: "intents", names.DECISION: "decisions", names.FEATURE: "features"}  # label -> option


def all_metrics() -> list[Metric]:
    """Return every metric that the exporter keeps in its state, domain metrics first."""
    found = {metric.name: metric for kind in KINDS for metric in kind.metrics}
    return [*found.values(), *DURABLE]


@dataclass(frozen=True, slots=True)
class Exporter:
    """The parts of a running exporter that others talk to; ``spools`` take what is posted for a process.

    ``member`` reads topics, if there are any.
    """

    pipeline: Pipeline
    exposition: Renders
    self_metrics: SelfMetrics
    spools: Mapping[str, Spool]
    member: GroupMember | None


def open_exporter(
    stack: ExitStack,
    catalogue: Catalogue,
    logs: Path,
    state_folder: Path,
    target: Elasticsearch | Path,
    stop: threading.Event,
    zero_seconds: float,
    pipe: StandardInput | None = None,
    once: bool = False,
    kafka: Mapping[str, str] | None = None,
) -> Exporter:
    """Open checkpoint, sources and sink; ``stack`` closes them. ``target`` is a client or an NDJSON file.

    ``pipe`` (default: standard input) is what logs with ``source: stdin`` are read from; with ``once``, to its end.
    ``kafka`` is the consumer's configuration; it is needed if the catalogue names topics.

    Raises:
        CheckpointError: the state folder is in use or damaged.
        OSError: a file cannot be opened.
        ValueError: there are topics to read and no ``kafka``, or no client for it.
    """
    checkpoint = stack.enter_context(Checkpoint(state_folder))
    state = _open_state(catalogue.processes, checkpoint)
    self_metrics = SelfMetrics()
    for process in catalogue.processes:
        file = process.file
        self_metrics.process_info.labels(
            file.name, file.title, file.kind, file.business_unit, file.owner, str(file.tier)
        ).set(1)
    dead_letters = DeadLetters(state_folder, checkpoint.image.dead_letter_bytes)
    stack.callback(dead_letters.close)
    connections = 1 if isinstance(target, Path) else 2
    joiner = None if isinstance(target, Path) else Joiner(target)
    new_sink = _sinks(stack, target, self_metrics)
    book = LagBook(self_metrics)
    warn_of_lines_without_reader(catalogue, state_folder)
    arrived = threading.Event()
    opening = Opening(logs, state_folder, checkpoint, pipe or StandardInput(), stop, once, arrived)
    pipeline = Pipeline(
        list(feeds(catalogue, opening)),
        new_sink(stop),
        checkpoint,
        state,
        dead_letters,
        None if joiner is None else JoinQueue(joiner, checkpoint.image.waiting_joins()),
        ProfileBook(catalogue.processes, checkpoint.image.profiles.values()),
        PartMetrics(self_metrics, book),
        stop,
        connections=connections,
        zero_seconds=zero_seconds,
        arrived=arrived,
    )
    stack.callback(pipeline.close)
    own = Exposition(state)
    topics = _topics(catalogue)
    if not topics:
        return Exporter(pipeline, own, self_metrics, opening.spools, None)
    if kafka is None:
        raise ValueError(f"the catalogue names topics ({', '.join(sorted(topics))}): say where Kafka is with --kafka")
    store: ShareStore
    if isinstance(target, Path):
        store = SqliteShareStore(state_folder, kafka["group.id"])
    else:
        store = ElasticsearchShareStore(target, kafka["group.id"], self_metrics.retrying)
    # One connection each: partitions are parallel enough.
    kit = Kit(store, _open_share_state, new_sink, joiner, self_metrics, book, connections=1, zero_seconds=zero_seconds)
    member = _join_group(kafka, topics, kit, stop)
    stack.callback(member.close)
    member.start()
    joint = JointExposition(lambda: [own, *member.expositions()])
    return Exporter(pipeline, joint, self_metrics, opening.spools, member)


def _sinks(
    stack: ExitStack, target: Elasticsearch | Path, self_metrics: SelfMetrics
) -> Callable[[threading.Event], Sink]:
    """Return what makes a sink for each pipeline; the file is one for all."""
    if isinstance(target, Path):
        ndjson = NdjsonSink(target)
        stack.callback(ndjson.close)
        shared = SharedSink(ndjson)
        return lambda stop: shared
    return lambda stop: ElasticsearchSink(target, stop, self_metrics.retrying)


def _topics(catalogue: Catalogue) -> dict[str, list[tuple[Process, tuple[Log, ...]]]]:
    """Return which processes read which topic, and how."""
    found: dict[str, list[tuple[Process, tuple[Log, ...]]]] = {}
    for process in catalogue.processes:
        for group in log_groups(process):
            if group[0].source == "kafka":
                found.setdefault(group[0].topic, []).append((process, group))
    return found


def _join_group(config: Mapping[str, str], topics: Readers, kit: Kit, stop: threading.Event) -> GroupMember:
    try:
        from aiwatch.ingest.group.member import Member  # only who reads Kafka needs its client
    except ImportError:
        raise ValueError(f"reading Kafka needs its client: {install('kafka')}") from None
    return Member(config, topics, kit, stop)


def _open_share_state(process: Process, checkpoint: CheckpointStore) -> MetricState:
    return _open_state([process], checkpoint)


def _open_state(processes: Sequence[Process], checkpoint: CheckpointStore) -> MetricState:
    """Return the metrics of processes as a checkpoint holds them."""
    now = time.time()
    state = MetricState(all_metrics())
    for process in processes:
        for label, option in _CATALOGUED.items():
            state.reserve(process.name, label, getattr(process.options, option, ()))
    state.restore(
        checkpoint.image.series.items(), {process.name for process in processes}, checkpoint.image.shown_until, now
    )
    _begin_at_zero(processes, state, now)
    return state


def _begin_at_zero(processes: Iterable[Process], state: MetricState, now: float) -> None:
    """Show what the catalogue lets expect from the start, as 0: an increase from nothing cannot be seen."""
    delta = Delta()
    for process in processes:
        delta.count(names.LINES_READ_TOTAL, (process.name,), 0)
        delta.count(names.RECORDS_DUPLICATE_TOTAL, (process.name,), 0)
        for reason in REASONS:
            delta.count(names.RECORDS_REJECTED_TOTAL, (process.name, reason), 0)
        for record in process.kind.records:
            delta.count(names.RECORDS_TOTAL, (process.name, record.name), 0)
        for metric, labels in process.kind.zeros(process.name, process.options):
            delta.count(metric, labels, 0)
    state.publish(state.prepare([delta], now))
