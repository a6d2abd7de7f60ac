"""A log of known content, and what it must lead to in documents, metrics and dead letters."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from bench.faults.corrupt import KINDS, Record, plain

Series = tuple[str, tuple[tuple[str, str], ...]]  # name and sorted labels, without the process

INTENTS = ("refund", "delivery", "smalltalk")
OUTCOMES = ("answered", "fallback", "error")
VERSION = ("model_version", "7")
CORRUPT_SHARE = 0.01
REPEATED_SHARE = 0.01
FEEDBACK_SHARE = 0.12
NAMELESS_SHARE = 0.1  # lines without an id: only their place tells that they were stored before


def series(name: str, *labels: tuple[str, str]) -> Series:
    """Return the key of a series."""
    return name, tuple(sorted(labels))


class Truth:
    """Makes the lines of one chatbot, and keeps what those that were made so far must lead to.

    Every event carries a known name, as its user or its comment, whether it has an id or not. All numbers are
    multiples of 1/64, so that their sums are exact in whatever order they are added.
    """

    def __init__(
        self, seed: int, *, nameless_share: float = NAMELESS_SHARE, corrupt_share: float = CORRUPT_SHARE
    ) -> None:
        """Begin with nothing; ``nameless_share`` of the lines carry no id, ``corrupt_share`` are spoiled."""
        self.lines = 0
        self.known: set[str] = set()
        self.rated: dict[str, str] = {}  # known name of an interaction: its rating
        self.counters: Counter[Series] = Counter()
        self.observed: dict[str, list[float]] = {"ai_latency_seconds": [], "ai_confidence_ratio": []}
        self.corrupt: dict[bytes, Record] = {}  # spoiled line: the record as it was
        self.mended = 0
        self._chance = random.Random(seed)
        self._nameless_share = nameless_share
        self._corrupt_share = corrupt_share
        self._start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
        self._made = 0
        self._last = b""
        self._unrated: list[Record] = []
        self._sessions: set[str] = set()

    def make(self, number: int) -> bytes:
        """Return that many new lines."""
        return b"".join(self._line() + b"\n" for _ in range(number))

    def mend(self, line: bytes) -> bytes:
        """Return the line as it was before it was spoiled; from now on it counts, as it will be read again."""
        record = self.corrupt[line]
        self.mended += 1
        self._count("aiwatch_lines_read_total")
        self._accept(record)
        return plain(record)

    def sent_again(self, lines: int) -> None:
        """Note that so many lines came once more: they were read, and are duplicates."""
        self._count("aiwatch_lines_read_total", by=lines)
        self._count("aiwatch_records_duplicate_total", by=lines)

    @property
    def documents(self) -> int:
        """How many documents there must be."""
        return len(self.known)

    def _line(self) -> bytes:
        self.lines += 1
        self._made += 1
        self._count("aiwatch_lines_read_total")
        kind = self._chance.random()
        if kind < self._corrupt_share:
            spoiled = KINDS[len(self.corrupt) % len(KINDS)]
            record = self._interaction()
            line = spoiled.spoil(record)
            self.corrupt[line] = record
            self._count("aiwatch_records_rejected_total", ("reason", spoiled.reason))
            return line
        if kind < self._corrupt_share + REPEATED_SHARE and self._last:
            self._count("aiwatch_records_duplicate_total")
            return self._last
        rating = kind < self._corrupt_share + REPEATED_SHARE + FEEDBACK_SHARE and self._unrated
        record = self._feedback() if rating else self._interaction()
        self._accept(record)
        line = plain(record)
        if "id" in record:
            self._last = line
        return line

    def _head(self, type_: str) -> Record:
        time = self._start + timedelta(milliseconds=10 * self._made)
        head = {"@timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "type": type_}
        return head if self._chance.random() < self._nameless_share else head | {"id": f"e{self._made}"}

    def _interaction(self) -> Record:
        chance = self._chance
        return self._head("interaction") | {
            "user": f"k{self._made}",
            "session": f"s{self._made // 10}",
            "query": "where is it?",
            "intent": chance.choice(INTENTS),
            "outcome": chance.choice(OUTCOMES),
            "latency": chance.randrange(1, 640) / 64,
            "confidence": chance.randrange(65) / 64,
            "model_version": VERSION[1],
            "input_tokens": chance.randrange(1, 500),
        }

    def _feedback(self) -> Record:
        about = self._unrated.pop(self._chance.randrange(len(self._unrated)))
        rating = self._chance.choice(("up", "down"))
        self.rated[about["user"]] = rating
        return self._head("feedback") | {"interaction": about["id"], "rating": rating, "comment": f"k{self._made}"}

    def _accept(self, record: Record) -> None:
        """Count a valid record."""
        self._count("aiwatch_records_total", ("record", record["type"]))
        if record["type"] == "feedback":
            self.known.add(record["comment"])
            self._count("ai_feedback_total", ("rating", record["rating"]))
            return
        self.known.add(record["user"])
        labels = (VERSION, ("intent", record["intent"]), ("outcome", record["outcome"]))
        self._count("ai_interactions_total", *labels)
        self._count("ai_errors_total", VERSION, by=record["outcome"] == "error")
        self._count("ai_tokens_total", VERSION, ("direction", "input"), by=record["input_tokens"])
        self._count("ai_sessions_total", by=record["session"] not in self._sessions)
        self._sessions.add(record["session"])
        self.observed["ai_latency_seconds"].append(record["latency"])
        self.observed["ai_confidence_ratio"].append(record["confidence"])
        if "id" in record:
            self._unrated.append(record)

    def _count(self, name: str, *labels: tuple[str, str], by: int = 1) -> None:
        self.counters[series(name, *labels)] += int(by)
