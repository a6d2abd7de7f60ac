"""The checkpoint with 100,000 series: what a commit costs, and what it costs the engine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from aiwatch import names
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import Commit
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
    """Compare engines that commit every batch: alone, beside 100,000 series, and with 1,000 changing besides.

    What 1,000 changes of 100,000 series cost is held against none, and against as many changes of only 1,000 series:
    the first is the price of the changes, the second that of the many series.
    """
    few = labels[:: len(labels) // 1000]
    with ExitStack() as stack:
        opened = [stack.enter_context(Checkpoint(folder / name)) for name in ("alone", "beside", "few", "changing")]
        engines = [Engine(data.CHAT, checkpoint=checkpoint) for checkpoint in opened]
        for engine, checkpoint, held in zip(engines[1:], opened[1:], (labels, few, labels), strict=True):
            engine.state = _filled(checkpoint, held)
        further = [repeat(None), repeat(None), changes(few, 1.0), changes(labels, 0.01)]
        times: list[list[float]] = [[] for _ in engines]
        lines = 0
        file = stack.enter_context(data.chat_file(records).open("rb"))
        for _, blocks in zip(range(_BATCHES), batches(file), strict=False):
            lines += sum(data.count(b"\n") for data in blocks)
            for engine, extra, taken in zip(engines, further, times, strict=True):
                change = next(extra)
                start = time.perf_counter()
                engine.take(blocks, change)
                taken.append(time.perf_counter() - start)
    alone, beside, few_changing, changing = times
    yield Figure("checkpoint: engine that commits every batch", lines / sum(alone), "records/s")
    yield Figure("checkpoint: the same beside 100,000 series", ratio(alone, beside), "ratio", ">= 0.9")
    most = ratio(few_changing, changing)
    yield Figure("checkpoint: 1,000 of 100,000 changing each time against 1,000 of 1,000", most, "ratio")
    yield Figure("checkpoint: 1,000 of 100,000 changing each time against none", ratio(alone, changing), "ratio")
