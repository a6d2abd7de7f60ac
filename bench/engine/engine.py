"""The engine as the benchmark drives it: the one file that knows its parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from aiwatch.catalogue.model import build_process
from aiwatch.ingest.batch import Batch, Feed, Part, fold, settle
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import Commit
from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.core import with_core
from aiwatch.ingest.decode import Decoder
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.pipeline import BATCH_BYTES, BLOCK_BYTES
from aiwatch.ingest.profiling import ProfileBook
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta, SessionBook
from bench.engine.data import baseline, process_settings


def batches(file: BinaryIO) -> Iterator[list[bytes]]:
    """Return a file in blocks that end with a whole line, as many at once as the pipeline sends and commits."""
    batch: list[bytes] = []
    rest = b""
    while data := file.read(BLOCK_BYTES):
        end = data.rfind(b"\n") + 1
        batch.append(rest + data[:end])
        rest = data[end:]
        if len(batch) == BATCH_BYTES // BLOCK_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


class Engine:
    """Decoder, fold and state of one process: everything between reading a batch and sending its documents."""

    def __init__(self, process: str, redact: bool = False, checkpoint: Checkpoint | None = None) -> None:
        """Begin with no series; ``checkpoint``, where there is one, receives the commit of every batch."""
        self.process = build_process(process_settings(process, redact), baseline(process))
        self._profiles = ProfileBook([self.process])
        self.state = MetricState(all_metrics(), label_limit=10**9)
        decoder = Decoder(self.process, self.process.logs)
        quick = with_core(decoder, self.process, self.process.logs)
        self._feed = Feed(self.process, None, quick)  # type: ignore[arg-type]
        self._sessions: dict[str, float] = {}
        self._checkpoint = checkpoint
        self._offset = 0

    def take(self, blocks: list[bytes], further: Delta | None = None) -> bytes:
        """Decode and count the lines of a batch as delivered; return the body of its bulk request.

        ``further`` is what the batch changes besides.
        """
        now = datetime.now(UTC)
        batch = Batch()
        for data in blocks:
            end = self._offset + len(data)
            block = Block("5a", self._offset, data, Position("5a", "bench", "/logs/bench.jsonl", offset=end))
            batch.add(Part(self._feed, block, self._feed.decoder.decode(block, now)))
            self._offset = end
        body = batch.documents().body()
        book = SessionBook(self._sessions)
        settled = [(part, settle(part, {}, 0)) for part in batch.parts]
        deltas = [fold(self.process, settled, book)]
        if further is not None:
            deltas.append(further)
        series = self.state.prepare(deltas, now.timestamp())
        stored = [each.stored for _, each in settled]
        profiles = self._profiles.prepare(self.process.name, stored, now.timestamp())
        if self._checkpoint is not None:
            sessions = {self.process.name: book.touched}
            positions = {"5a": batch.parts[-1].block.position}
            self._checkpoint.commit(Commit(positions=positions, series=series, sessions=sessions, profiles=profiles))
        self.state.publish(series)
        self._profiles.publish(profiles)
        self._sessions.update(book.touched)
        return body

    def shown(self) -> str:
        """Return the metrics as text."""
        self.state.mature(self.state.ripe(0.0)[0])
        return Exposition(self.state).render(openmetrics=False)


def bulk_bodies(path: Path, process: str) -> Iterator[bytes]:
    """Return the bulk bodies of a log, one per batch."""
    engine = Engine(process)
    with path.open("rb") as file:
        for blocks in batches(file):
            yield engine.take(blocks)
