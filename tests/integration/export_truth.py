"""A log of known content, and whether what an exporter made of it is exactly that."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

PROCESS = "support-chatbot"
CATALOGUE = f"name: {PROCESS}\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
INTENTS = ("refund", "delivery", "smalltalk")
CORRUPT = (b"{", b"\xff\xfe", b"[1]", b'{"type":"sale"}', b'{"type":"interaction","@timestamp":"soon"}')


def write_catalogue(folder: Path) -> Path:
    (folder / "processes").mkdir(parents=True)
    (folder / "processes" / f"{PROCESS}.yml").write_text(CATALOGUE)
    return folder


@dataclass
class Truth:
    """What the lines that were made so far must lead to."""

    lines: int = 0
    interactions: Counter[tuple[str, str]] = field(default_factory=Counter)
    ratings: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    corrupt: int = 0
    repeated: int = 0

    def make(self, seed: int) -> Iterator[bytes]:
        """Yield lines without end; sums of their numbers are exact, as all are multiples of 1/64."""
        chance = random.Random(seed)
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
        last = b""
        while True:
            self.lines += 1
            kind = chance.random()
            time = (start + timedelta(milliseconds=10 * self.lines)).isoformat(timespec="milliseconds")
            if kind < 0.02:
                self.corrupt += 1
                yield chance.choice(CORRUPT)
            elif kind < 0.04 and last:
                self.repeated += 1
                yield last
            else:
                last = self._record(chance, f"e{self.lines}", time.replace("+00:00", "Z"), feedback=kind < 0.15)
                yield last

    def _record(self, chance: random.Random, id_: str, time: str, feedback: bool) -> bytes:
        record: dict[str, Any] = {"@timestamp": time, "id": id_}
        self.ids.add(f"{PROCESS}:{id_}")
        if feedback:
            rating = chance.choice(("up", "down"))
            self.ratings[rating] += 1
            record |= {"type": "feedback", "interaction": f"e{max(1, self.lines - 7)}", "rating": rating}
        else:
            intent, outcome = chance.choice(INTENTS), chance.choice(("answered", "fallback", "error"))
            latency = chance.randrange(1, 640) / 64
            self.interactions[intent, outcome] += 1
            self.latencies.append(latency)
            record |= {"type": "interaction", "query": "where is it?", "intent": intent, "outcome": outcome}
            record |= {"latency": latency, "session": f"s{self.lines // 10}"}
        return json.dumps(record).encode()


@dataclass(frozen=True)
class Found:
    """What an exporter showed in the end."""

    interactions: Counter[tuple[str, str]]
    ratings: Counter[str]
    latency_count: float
    latency_sum: float
    rejected: float
    repeated: float
    lines: float


def read_metrics(text: str, process: str = PROCESS) -> Found:
    families = text_string_to_metric_families(text)
    samples = [each for family in families for each in family.samples if each.labels.get("process") == process]

    def total(name: str) -> float:
        return sum(sample.value for sample in samples if sample.name == name)

    return Found(
        interactions=Counter(
            {
                (sample.labels["intent"], sample.labels["outcome"]): int(sample.value)
                for sample in samples
                if sample.name == "ai_interactions_total"
            }
        ),
        ratings=Counter({s.labels["rating"]: int(s.value) for s in samples if s.name == "ai_feedback_total"}),
        latency_count=total("ai_latency_seconds_count"),
        latency_sum=total("ai_latency_seconds_sum"),
        rejected=total("aiwatch_records_rejected_total"),
        repeated=total("aiwatch_records_duplicate_total"),
        lines=total("aiwatch_lines_read_total"),
    )


def expected(truth: Truth) -> Found:
    return Found(
        truth.interactions,
        truth.ratings,
        len(truth.latencies),
        sum(truth.latencies),
        truth.corrupt,
        truth.repeated,
        truth.lines,
    )
