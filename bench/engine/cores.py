"""Two exporters at once, each with a core, a log, a state and a receiver of its own, against one alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.engine import data
from bench.engine.drain import Drained
from bench.engine.exporter import finish, lay_out, start_drain, work_folder
from bench.engine.stub import bulk_stub
from bench.engine.timing import CORES
from bench.report import Figure

_TURNS = 3


def measure(records: int) -> Iterator[Figure]:
    """Yield the records per second of one and of two exporters."""
    if len(CORES) < 2:
        print("cores: this machine has one core only")
        return
    records = max(1, records * 4 // 10)
    log = data.chat_file(records)
    catalogue = data.catalogue_folder()
    alone: list[float] = []
    together: list[float] = []
    # Each receiver is on the core of its exporter: one for both would take from the second only.
    with bulk_stub(CORES[0]) as first, bulk_stub(CORES[1]) as second:
        for _ in range(_TURNS):
            for number, rates in ((1, alone), (2, together)):
                with work_folder() as folder:
                    places = [lay_out(folder / str(core), [log]) for core in range(number)]
                    started = [
                        start_drain(place, catalogue, stub.url, core)
                        for core, (place, stub) in enumerate(zip(places, (first, second), strict=False))
                    ]
                    found: list[Drained] = [finish(process) for process in started]
                assert all(each.records == records for each in found)
                rates.append(sum(each.records / each.seconds for each in found))
    yield Figure("cores: one exporter", statistics.median(alone), "records/s")
    yield Figure("cores: two exporters at once", statistics.median(together), "records/s")
    more = statistics.median(b / a for a, b in zip(alone, together, strict=True))
    yield Figure("cores: two against one", more, "ratio", ">= 1.8")
