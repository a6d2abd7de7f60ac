"""The logs of the catalogue as feeds: every source opened where it stood, with the decoder of its lines."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiwatch.catalogue.model import Catalogue, Log, Process
from aiwatch.ingest.batch import Feed
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.contracts import Position, Source
from aiwatch.ingest.core import with_core
from aiwatch.ingest.decode import Decoder, source_key
from aiwatch.ingest.replay import SUFFIX, ReplayDecoder, replay_folder
from aiwatch.ingest.sources.adopting import adopt
from aiwatch.ingest.sources.jsonl import JsonlSource
from aiwatch.ingest.sources.spool import Spool, spool_folder, spool_folders
from aiwatch.ingest.sources.stdin import StandardInput, StdinSource

_LOG = logging.getLogger(__name__)


def log_groups(process: Process) -> list[tuple[Log, ...]]:
    """Return the logs of a process, those that come from the same place together."""
    ordered = sorted(process.logs, key=lambda log: log.place)
    return [tuple(group) for _, group in itertools.groupby(ordered, key=lambda log: log.place)]


@dataclass(frozen=True, slots=True)
class Opening:
    """What sources are opened with, and the spools that were opened for HTTP, by process."""

    logs: Path
    state_folder: Path
    checkpoint: Checkpoint
    pipe: StandardInput
    stop: threading.Event
    once: bool
    arrived: threading.Event
    spools: dict[str, Spool] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)  # streams, each by one source alone

    def source(self, process: Process, log: Log) -> Source:
        """Open the place that ``log`` names."""
        key = source_key(process, log.place)
        positions = self.checkpoint.image.positions_of(key)
        match log.source:
            case "jsonl":
                pattern = str(self.logs / log.path)
                return JsonlSource(key, pattern, positions + self._adopted(process, key, pattern))
            case "http":
                spool = Spool(key, spool_folder(self.state_folder, key), positions, on_arrival=self.arrived.set)
                self.spools[process.name] = spool
                return spool
            case "stdin":
                folder = spool_folder(self.state_folder, key)
                wake = self.arrived.set
                return StdinSource(
                    key, folder, positions, self.pipe, self.stop, wait_for_end=self.once, on_arrival=wake
                )
            case "kafka":
                raise AssertionError("a member of a group reads it")

    def _adopted(self, process: Process, key: str, pattern: str) -> list[Position]:
        """Return the positions of files that were read at a path which the process has no longer."""
        places = {source_key(process, log.place) for log in process.logs}
        left = (
            each
            for each in self.checkpoint.image.positions.values()
            if each.source.startswith(source_key(process, "")) and not each.source.endswith(SUFFIX)
            if each.source not in places and each.stream not in self.adopted
        )
        adopted = adopt(left, key, pattern)
        self.adopted.update(each.stream for each in adopted)
        return adopted

    def letters(self, key: str) -> Source:
        """Open the folder of the letters that are to be read again as lines of the source ``key``."""
        folder = replay_folder(self.state_folder, key)
        folder.mkdir(parents=True, exist_ok=True)
        again = key + SUFFIX
        return JsonlSource(again, str(folder / "*.jsonl"), self.checkpoint.image.positions_of(again))


def feeds(catalogue: Catalogue, opening: Opening) -> Iterator[Feed]:
    """Open the sources of every process, each with the decoder of its lines, and those of its replayed dead letters."""
    for process in catalogue.processes:
        for group in log_groups(process):
            decoder = Decoder(process, group)
            if group[0].source != "kafka":  # whose partitions come and go while the exporter runs
                yield Feed(process, opening.source(process, group[0]), with_core(decoder, process, group))
            letters = opening.letters(source_key(process, group[0].place))
            yield Feed(process, letters, ReplayDecoder(decoder))


def warn_of_lines_without_reader(catalogue: Catalogue, state_folder: Path) -> None:
    """Say in the log which lines of the state folder nobody reads, since the catalogue has changed."""
    keys = [source_key(process, group[0].place) for process in catalogue.processes for group in log_groups(process)]
    read = {replay_folder(state_folder, key) for key in keys} | {spool_folder(state_folder, key) for key in keys}
    replayed = {file.parent for file in (state_folder / "replay").glob("*/*.jsonl")}
    for folder in sorted({*replayed, *spool_folders(state_folder)} - read):
        _LOG.warning(
            "%s holds lines of a log that the catalogue names no more: they stay unread until it does; "
            "of dead letters, change `source` to that of a log which is read, and replay them again",
            folder,
        )
