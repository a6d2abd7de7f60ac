"""What is read, delivered and committed together, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import add
from typing import Protocol, Self

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.ingest.contracts import Block, Outcome, Source
from aiwatch.ingest.decode import Entry, Reject
from aiwatch.ingest.documents import Documents
from aiwatch.kinds.base import Delta, SessionBook
from aiwatch.kinds.folding import Folding
from aiwatch.profiles.fold import Cell, Fold
from aiwatch.profiles.profile import Counted


class Lines(Protocol):
    """The lines of a block, decoded: how many they were, those that were accepted, and the rejects."""

    lines: int
    rejects: list[Reject]

    def __len__(self) -> int:
        """Return how many lines were accepted."""

    def documents(self) -> Documents:
        """Return the document of every accepted line."""

    def types(self) -> Counter[str]:
        """Return how many accepted lines there are of each type."""

    def documents_of(self, type_: str) -> list[bytes]:
        """Return the documents of the accepted lines of a type."""

    def entry(self, place: int) -> Entry:
        """Return one accepted line."""

    def without(self, places: Container[int]) -> Self:
        """Return the same without the accepted lines at ``places``."""

    def fold(self, folding: Folding, further: Sequence[Self]) -> None:
        """Add these lines, and behind them ``further`` of the same class, to the delta."""

    def profiles(self, fold: Fold, further: Sequence[Self] = ()) -> Mapping[Cell, Counted]:
        """Return what these lines, and ``further`` ones of the same class, add to the profiles of hours."""


class Decodes(Protocol):
    """Decodes the lines of one process."""

    def decode(self, block: Block, now: datetime) -> Lines:
        """Return the accepted lines and rejects of ``block``."""

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
    decoded: Lines

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

    def documents(self) -> Documents:
        """Return every document, in the order of the parts."""
        return reduce(add, [part.decoded.documents() for part in self.parts], Documents([]))


@dataclass(slots=True)
class Settled:
    """What became of the lines of a part: stored, which is to be counted, rejected, or a repeated event."""

    stored: Lines
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
        self.records += len(settled.stored)
        mine = self.by_process.setdefault(part.feed.process.name, {})
        for type_, number in settled.stored.types().items():
            mine[type_] = mine.get(type_, 0) + number
        for reject in settled.rejects:
            self.rejected[reject.reason] = self.rejected.get(reject.reason, 0) + 1


def settle(part: Part, outcomes: Mapping[int, Outcome], start: int) -> Settled:
    """Return what became of a part's lines; ``outcomes`` are its batch's, in which its documents begin at ``start``."""
    decoded = part.decoded
    settled = Settled(decoded, list(decoded.rejects))
    left_out = {place - start: outcome for place, outcome in outcomes.items() if 0 <= place - start < len(decoded)}
    if left_out:
        settled.stored = decoded.without(left_out.keys())
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
    folding = Folding(process.name, process.kind.recipes(process.options), bounds, book, delta)
    for part, each in settled:
        delta.count(names.LINES_READ_TOTAL, (process.name,), part.decoded.lines)
        delta.count(names.RECORDS_DUPLICATE_TOTAL, (process.name,), each.duplicates)
        for reject in each.rejects:
            delta.count(names.RECORDS_REJECTED_TOTAL, (process.name, reject.reason))
        for type_, number in each.stored.types().items():
            delta.count(names.RECORDS_TOTAL, (process.name, type_), number)
    for _, run in groupby((each.stored for _, each in settled), type):
        first, *further = run
        first.fold(folding, further)
    return delta
