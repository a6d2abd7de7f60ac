"""Drain a backlog in a process of its own and print what it took: ``python -m bench.engine.drain CATALOGUE LOGS ...``.

The exporter's own parts, put together as `aiwatch export --once` does it. The clock runs from the first look at the
logs to the last commit of lines: neither the start of Python nor the wait for feedback to be joined counts. CPU time
is that of all threads, until feedback has been joined.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from aiwatch import names
from aiwatch.catalogue.load import load_catalogue
from aiwatch.commands.shared import connect
from aiwatch.ingest.export import open_exporter
from aiwatch.ingest.tuning import look_for_cycles_seldom, share_one_arena


class Drained(msgspec.Struct, frozen=True):
    """What draining a backlog took, and how many records were counted."""

    seconds: float
    cpu_seconds: float
    records: int


def main(catalogue: str, logs: str, state: str, url: str, key: str = "") -> None:
    """Drain, and print the figures as JSON."""
    look_for_cycles_seldom()
    share_one_arena()
    with ExitStack() as stack:
        client = stack.enter_context(connect(url, Path(key) if key else None, None))
        arguments = (load_catalogue(Path(catalogue)), Path(logs), Path(state), client)
        exporter = open_exporter(stack, *arguments, threading.Event(), 0.0)
        started, cpu = time.time(), time.process_time()
        exporter.pipeline.drain()
        end = exporter.self_metrics.registry.get_sample_value(names.LAST_COMMIT_TIMESTAMP_SECONDS)
        assert end is not None
        drained = Drained(end - started, time.process_time() - cpu, exporter.pipeline.counts.records)
        print(json.dumps(msgspec.to_builtins(drained)))


if __name__ == "__main__":
    main(*sys.argv[1:])
