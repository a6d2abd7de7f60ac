"""What is read, delivered and committed together, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.ingest.contracts import Block, Outcome, Source
from aiwatch.ingest.decode import Decoded, Entry, Reject
from aiwatch.kinds.base import Delta, Folding, Record, SessionBook


class Decodes(Protocol):
    """Decodes the lines of one process."""

    def decode(self, block: Block, now: datetime) -> Decoded:
        """Return the records and rejects of ``block``."""

    def refuse(self, block: Block, entry: Entry, detail: str) -> Reject:
        """Return the reject for an entry whose document was refused."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One source of a process and the decoder of its lines."""

    process: Process
    source: Source
    decoder: Decodes


@dataclass(frozen=True, slots=True)
class Part:
    """What one block of a batch holds."""

    feed: Feed
    block: Block
    decoded: Decoded

    @property
    def size(self) -> int:
        """How many bytes of the log it covers."""
        return len(self.block.data) + sum(long.length for long in self.block.oversized)


@dataclass(slots=True)
class Batch:
    """Blocks that are delivered and committed together."""

    parts: list[Part] = field(default_factory=list)
    size: int = 0  # bytes in memory

    @property
    def streams(self) -> set[str]:
        """The streams that it has lines or positions of."""
        return {part.block.stream for part in self.parts}

    def add(self, part: Part) -> None:
        """Add a part."""
        self.parts.append(part)
        self.size += len(part.block.data)

    def documents(self) -> list[bytes]:
        """Return every document, in the order of the parts."""
        return [document for part in self.parts for document in part.decoded.documents]


@dataclass(slots=True)
class Settled:
    """What became of the lines of a part: stored, which is to be counted, rejected, or a repeated event."""

    stored: Decoded
    rejects: list[Reject]
    duplicates: int = 0


@dataclass(slots=True)
class Counts:
    """What a run did, for its closing report."""

    lines: int = 0
    records: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    by_process: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, part: Part, settled: Settled) -> None:
        """Add what became of a part."""
        self.lines += part.decoded.lines
        self.duplicates += settled.duplicates
        self.records += len(settled.stored.records)
        mine = self.by_process.setdefault(part.feed.process.name, {})
        for type_, number in Counter(settled.stored.types).items():
            mine[type_] = mine.get(type_, 0) + number
        for reject in settled.rejects:
            self.rejected[reject.reason] = self.rejected.get(reject.reason, 0) + 1


def settle(part: Part, outcomes: Mapping[int, Outcome], start: int) -> Settled:
    """Return what became of a part's lines; ``outcomes`` are its batch's, in which its documents begin at ``start``."""
    decoded = part.decoded
    number = len(decoded.documents)
    settled = Settled(decoded, list(decoded.rejects))
    left_out = (
        {place: outcomes[start + place] for place in range(number) if start + place in outcomes} if outcomes else {}
    )
    if left_out:
        settled.stored = decoded.keep([place for place in range(number) if place not in left_out])
        for place, outcome in left_out.items():
            if outcome.status == "duplicate":
                settled.duplicates += 1
            else:
                settled.rejects.append(part.feed.decoder.refuse(part.block, decoded.entry(place), outcome.reason))
    return settled


def fold(process: Process, settled: Sequence[tuple[Part, Settled]], book: SessionBook) -> Delta:
    """Return what parts add to the metrics of their process."""
    delta = Delta()
    bounds = process.kind.bounds(process.options, process.latency_thresholds)
    folding = Folding(process.name, process.options, bounds, book, delta)
    by_type: dict[str, list[Record]] = {}
    for part, each in settled:
        for type_, records in each.stored.by_type().items():
            by_type.setdefault(type_, []).extend(records)
        delta.count(names.LINES_READ_TOTAL, (process.name,), part.decoded.lines)
        delta.count(names.RECORDS_DUPLICATE_TOTAL, (process.name,), each.duplicates)
        for reject in each.rejects:
            delta.count(names.RECORDS_REJECTED_TOTAL, (process.name, reject.reason))
    for type_, records in by_type.items():
        process.kind.folds[type_](folding, records)
        delta.count(names.RECORDS_TOTAL, (process.name, type_), len(records))
    return delta
