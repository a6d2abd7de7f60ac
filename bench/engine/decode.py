"""A log on one core: the engine against the plain loop, against merely splitting lines, and through redaction."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench.engine import data
from bench.engine.engine import Engine, batches
from bench.engine.plain import Plain
from bench.engine.timing import on_one_core, ratio, take_turns
from bench.report import Figure

_TURNS = 15


def measure(records: int) -> Iterator[Figure]:
    """Yield the figures of the chat log and of the model log."""
    yield from _measure_log("chat", data.CHAT, data.chat_file(records), records)
    records = max(1, records * 3 // 10)
    yield from _measure_log("model", data.MODEL, data.model_file(records), records)


def _measure_log(label: str, process: str, path: Path, records: int) -> Iterator[Figure]:
    engine, plain = Engine(process), Plain(process)
    sides: dict[str, Callable[[list[bytes]], object]] = {
        "engine": engine.take,
        "plain": plain.take,
        "split": lambda blocks: [data.split(b"\n") for data in blocks],
    }
    if label == "chat":
        sides["redacting"] = Engine(process, redact=True).take
    with on_one_core():
        share = max(1, path.stat().st_size // _TURNS)
        times = take_turns({name: _Portions(path, share, take) for name, take in sides.items()}, _TURNS)
    _compare(engine.shown(), plain.shown())
    rates = {name: records / _TURNS / statistics.median(seconds) for name, seconds in times.items()}
    yield Figure(f"{label}: engine", rates["engine"], "records/s")
    yield Figure(f"{label}: plain loop", rates["plain"], "records/s")
    yield Figure(f"{label}: reading and splitting", rates["split"], "records/s")
    yield Figure(f"{label}: engine against the plain loop", ratio(times["plain"], times["engine"]), "ratio", ">= 10")
    against = ratio(times["split"], times["engine"])
    yield Figure(f"{label}: engine against reading and splitting", against, "ratio", ">= 0.18")
    if "redacting" in times:
        yield Figure(f"{label}: engine with redaction", rates["redacting"], "records/s")
        slower = ratio(times["engine"], times["redacting"])
        yield Figure(f"{label}: engine with redaction against without", slower, "ratio", ">= 0.5")


class _Portions:
    """Gives the next part of a file, about ``share`` bytes, to ``take`` with each call, batch by batch."""

    def __init__(self, path: Path, share: int, take: Callable[[list[bytes]], object]) -> None:
        self._batches = batches(path.open("rb"))
        self._share = share
        self._take = take
        self._ahead = 0

    def __call__(self) -> None:
        while self._ahead < self._share and (blocks := next(self._batches, None)) is not None:
            self._take(blocks)
            self._ahead += sum(map(len, blocks))
        self._ahead -= self._share


def _compare(ours: str, theirs: str) -> None:
    """Make sure that both sides counted the same.

    Raises:
        AssertionError: a value differs; the message says which.
    """
    mine = _samples(ours)
    for name, value in _samples(theirs).items():
        found = mine.get(name)
        if found is None and value == 0:
            continue
        assert found is not None, f"{name}: {value} by the plain loop, not there by the engine"
        assert abs(found - value) <= 1e-6 * max(1.0, abs(value)), f"{name}: {value} by the plain loop, {found} here"


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
