"""Puts the exporter together from a catalogue and runs it."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from elasticsearch import Elasticsearch

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Log, Process
from aiwatch.ingest.batch import Feed
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.contracts import Sink, Source
from aiwatch.ingest.dead_letters import DeadLetters
from aiwatch.ingest.decode import Decoder, Entry, Reject, source_key
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.joining import Joiner, JoinQueue
from aiwatch.ingest.pipeline import Pipeline
from aiwatch.ingest.reasons import REASONS
from aiwatch.ingest.replay import SUFFIX, ReplayDecoder, replay_folder
from aiwatch.ingest.self_metrics import DURABLE, SelfMetrics
from aiwatch.ingest.sinks.elasticsearch_bulk import ElasticsearchSink
from aiwatch.ingest.sinks.ndjson import NdjsonSink
from aiwatch.ingest.sources.jsonl import JsonlSource
from aiwatch.ingest.sources.spool import Spool, spool_folder, spool_folders
from aiwatch.ingest.sources.stdin import StandardInput, StdinSource
from aiwatch.ingest.state import MetricState
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Delta, Metric

_LOG = logging.getLogger(__name__)
_CATALOGUED = {names.INTENT: "intents", names.DECISION: "decisions", names.FEATURE: "features"}  # label -> option


def all_metrics() -> list[Metric]:
    """Return every metric that the exporter keeps in its state, domain metrics first."""
    found = {metric.name: metric for kind in KINDS for metric in kind.metrics}
    return [*found.values(), *DURABLE]


def log_groups(process: Process) -> list[tuple[Log, ...]]:
    """Return the logs of a process, those that come from the same place together."""
    ordered = sorted(process.logs, key=lambda log: log.place)
    return [tuple(group) for _, group in itertools.groupby(ordered, key=lambda log: log.place)]


@dataclass(frozen=True, slots=True)
class Exporter:
    """The parts of a running exporter that others talk to; ``spools`` take what is posted for a process."""

    pipeline: Pipeline
    exposition: Exposition
    self_metrics: SelfMetrics
    spools: Mapping[str, Spool]


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
) -> Exporter:
    """Open checkpoint, sources and sink; ``stack`` closes them. ``target`` is a client or an NDJSON file.

    ``pipe`` (default: standard input) is what logs with ``source: stdin`` are read from; with ``once``, to its end.

    Raises:
        CheckpointError: the state folder is in use or damaged.
        OSError: a file cannot be opened.
    """
    checkpoint = stack.enter_context(Checkpoint(state_folder))
    now = time.time()
    state = MetricState(all_metrics())
    for process in catalogue.processes:
        for label, option in _CATALOGUED.items():
            state.reserve(process.name, label, getattr(process.options, option, ()))
    state.restore(checkpoint.series(), {process.name for process in catalogue.processes}, checkpoint.shown_until, now)
    _begin_at_zero(catalogue, state, now)
    self_metrics = SelfMetrics()
    for process in catalogue.processes:
        file = process.file
        self_metrics.process_info.labels(
            file.name, file.title, file.kind, file.business_unit, file.owner, str(file.tier)
        ).set(1)
    dead_letters = DeadLetters(state_folder, checkpoint.dead_letter_bytes)
    stack.callback(dead_letters.close)
    sink: Sink
    joins: JoinQueue | None = None
    if isinstance(target, Path):
        ndjson = NdjsonSink(target)
        stack.callback(ndjson.close)
        sink = ndjson
    else:
        sink = ElasticsearchSink(target, stop, self_metrics.retrying)
        joins = JoinQueue(Joiner(target), checkpoint.joins())
    _warn_of_lines_without_reader(catalogue, state_folder)
    opening = _Opening(logs, state_folder, checkpoint, pipe or StandardInput(), stop, once)
    pipeline = Pipeline(
        list(_feeds(catalogue, opening)),
        sink,
        checkpoint,
        state,
        dead_letters,
        joins,
        self_metrics,
        stop,
        connections=1 if joins is None else 2,
        zero_seconds=zero_seconds,
    )
    stack.callback(pipeline.close)
    return Exporter(pipeline, Exposition(state), self_metrics, opening.spools)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What sources are opened with, and the spools that were opened for HTTP, by process."""

    logs: Path
    state_folder: Path
    checkpoint: Checkpoint
    pipe: StandardInput
    stop: threading.Event
    once: bool
    spools: dict[str, Spool] = field(default_factory=dict)

    def source(self, process: Process, log: Log) -> Source:
        """Open the place that ``log`` names."""
        key = source_key(process, log.place)
        positions = self.checkpoint.positions(key)
        match log.source:
            case "jsonl":
                return JsonlSource(key, str(self.logs / log.path), positions)
            case "http":
                spool = Spool(key, spool_folder(self.state_folder, key), positions)
                self.spools[process.name] = spool
                return spool
            case "stdin":
                folder = spool_folder(self.state_folder, key)
                return StdinSource(key, folder, positions, self.pipe, self.stop, wait_for_end=self.once)
            case "kafka":  # a feed per partition: they come and go while the exporter runs
                raise ValueError(f"{process.name}: logs with `source: kafka` cannot be read yet")

    def letters(self, key: str) -> Source:
        """Open the folder of the letters that are to be read again as lines of the source ``key``."""
        folder = replay_folder(self.state_folder, key)
        folder.mkdir(parents=True, exist_ok=True)
        again = key + SUFFIX
        return JsonlSource(again, str(folder / "*.jsonl"), self.checkpoint.positions(again))


def _feeds(catalogue: Catalogue, opening: _Opening) -> Iterator[Feed]:
    for process in catalogue.processes:
        for group in log_groups(process):
            decoder = Decoder(process, group)
            yield Feed(process, opening.source(process, group[0]), decoder)
            letters = opening.letters(source_key(process, group[0].place))
            yield Feed(process, letters, ReplayDecoder(decoder))


def _warn_of_lines_without_reader(catalogue: Catalogue, state_folder: Path) -> None:
    keys = [source_key(process, group[0].place) for process in catalogue.processes for group in log_groups(process)]
    read = {replay_folder(state_folder, key) for key in keys} | {spool_folder(state_folder, key) for key in keys}
    replayed = {file.parent for file in (state_folder / "replay").glob("*/*.jsonl")}
    for folder in sorted({*replayed, *spool_folders(state_folder)} - read):
        _LOG.warning("%s holds lines of a log that the catalogue names no more: they stay unread", folder)


def _begin_at_zero(catalogue: Catalogue, state: MetricState, now: float) -> None:
    """Show what the catalogue lets expect from the start, as 0: an increase from nothing cannot be seen."""
    delta = Delta()
    for process in catalogue.processes:
        delta.count(names.LINES_READ_TOTAL, (process.name,), 0)
        delta.count(names.RECORDS_DUPLICATE_TOTAL, (process.name,), 0)
        for reason in REASONS:
            delta.count(names.RECORDS_REJECTED_TOTAL, (process.name, reason), 0)
        for record in process.kind.records:
            delta.count(names.RECORDS_TOTAL, (process.name, record.name), 0)
        for metric, labels in process.kind.zeros(process.name, process.options):
            delta.count(metric, labels, 0)
    state.publish(state.prepare([delta], now))


def preview(catalogue: Catalogue, logs: Path, most: int) -> Iterator[Entry | Reject]:
    """Return the first lines of each process's log files as they would be stored or rejected; nothing is written.

    What does not come from files is left alone: it could not be read again.
    """
    now = datetime.now(UTC)
    for process in catalogue.processes:
        for group in log_groups(process):
            if group[0].source != "jsonl":
                continue
            source = JsonlSource(source_key(process, group[0].place), str(logs / group[0].path), ())
            decoder = Decoder(process, group)
            shown = 0
            while shown < most and (block := source.read(2**16)) is not None:
                decoded = decoder.decode(block, now)
                found: list[Entry | Reject] = [*decoded.entries(), *decoded.rejects]
                found.sort(key=_offset)
                yield from found[: most - shown]
                shown += len(found)
            source.close()


def _offset(found: Entry | Reject) -> int:
    return found.spot[1] if isinstance(found, Entry) else found.offset
