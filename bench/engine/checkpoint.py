"""The checkpoint with 100,000 series: what a commit costs, and what it costs the engine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from aiwatch import names
from aiwatch.ingest.checkpoint import Checkpoint, Commit
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta, Labels
from bench.engine import data
from bench.engine.engine import Engine, batches
from bench.engine.many import changes, counters
from bench.engine.timing import on_one_core, ratio
from bench.report import Figure

_SERIES = 100_000
_COMMITS = 15
_BATCHES = 40


def measure(records: int) -> Iterator[Figure]:
    """Yield what a commit takes by how much changed, and the engine's speed with and without other series."""
    labels = counters(_SERIES)
    with tempfile.TemporaryDirectory(prefix="aiwatch-bench-", dir=data.FOLDER) as folder, on_one_core():
        yield from _commits(Path(folder), labels)
        yield from _engines(Path(folder), labels, records)


def _commits(folder: Path, labels: list[Labels]) -> Iterator[Figure]:
    one_percent = labels[:: len(labels) // 1000]
    times: dict[str, list[float]] = {}
    with Checkpoint(folder / "full") as full, Checkpoint(folder / "small") as small:
        commits = {
            "1 % of 100,000": (full, _filled(full, labels), changes(labels, 0.01)),
            "10 % of 100,000": (full, _filled(full, labels), changes(labels, 0.1)),
            "all of 1,000": (small, _filled(small, one_percent), changes(one_percent, 1.0)),
        }
        for _ in range(_COMMITS):
            for name, (checkpoint, state, deltas) in commits.items():
                series = state.prepare([next(deltas)], 1.0)
                start = time.perf_counter()
                checkpoint.commit(Commit(series=series))
                times.setdefault(name, []).append(time.perf_counter() - start)
    for name, found in times.items():
        yield Figure(f"checkpoint: commit of {name} series", statistics.median(found) * 1000, "ms")
    ten = ratio(times["10 % of 100,000"], times["1 % of 100,000"])
    yield Figure("checkpoint: commit of 10 % against 1 %", ten, "ratio", "<= 12")
    most = ratio(times["1 % of 100,000"], times["all of 1,000"])
    yield Figure("checkpoint: 1,000 of 100,000 against 1,000 of 1,000", most, "ratio", "<= 4")


def _filled(checkpoint: Checkpoint, labels: list[Labels]) -> MetricState:
    """Return a state with a series for each label set, which the checkpoint holds too."""
    state = MetricState(all_metrics(), label_limit=10**9)
    delta = Delta()
    for each in labels:
        delta.count(names.INTERACTIONS_TOTAL, each)
    series = state.prepare([delta], 1.0)
    checkpoint.commit(Commit(series=series))
    state.publish(series)
    return state


def _engines(folder: Path, labels: list[Labels], records: int) -> Iterator[Figure]:
    """Compare three engines that commit every batch: alone, beside 100,000 series, and with 1 % of them changing."""
    with (
        Checkpoint(folder / "alone") as first,
        Checkpoint(folder / "beside") as second,
        Checkpoint(folder / "changing") as third,
        data.chat_file(records).open("rb") as file,
    ):
        engines = {
            "alone": (Engine(data.CHAT, checkpoint=first), repeat(None)),
            "beside": (Engine(data.CHAT, checkpoint=second), repeat(None)),
            "changing": (Engine(data.CHAT, checkpoint=third), changes(labels, 0.01)),
        }
        for name, checkpoint in (("beside", second), ("changing", third)):
            engines[name][0].state = _filled(checkpoint, labels)
        times: dict[str, list[float]] = {name: [] for name in engines}
        lines = 0
        for _, blocks in zip(range(_BATCHES), batches(file), strict=False):
            lines += sum(data.count(b"\n") for data in blocks)
            for name, (engine, further) in engines.items():
                change = next(further)
                start = time.perf_counter()
                engine.take(blocks, change)
                times[name].append(time.perf_counter() - start)
    rate = lines / sum(times["alone"])
    yield Figure("checkpoint: engine that commits every batch", rate, "records/s")
    beside = ratio(times["alone"], times["beside"])
    yield Figure("checkpoint: the same beside 100,000 series", beside, "ratio", ">= 0.9")
    changing = ratio(times["alone"], times["changing"])
    yield Figure("checkpoint: the same with 1 % of them changing each time", changing, "ratio", ">= 0.9")
