"""Measure every row of the table, or some: ``python -m bench.engine [--only ROW ...] [--records N]``."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator

from aiwatch.ingest.tuning import look_for_cycles_seldom
from bench.engine import checkpoint, cores, decode, delivery, exposition, freshness, memory, peers
from bench.report import Figure, report

ROWS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "decode": decode.measure,
    "delivery": delivery.measure,
    "memory": memory.measure,
    "freshness": freshness.measure,
    "exposition": exposition.measure,
    "checkpoint": checkpoint.measure,
    "cores": cores.measure,
    "peers": peers.measure,
}


def main() -> int:
    """Run the benchmark; return 1 when a target was missed or a row could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--records", type=int, default=1_000_000, help="Lines of the chat log (1,000,000).")
    arguments = parser.parse_args()
    look_for_cycles_seldom()  # as the exporter does
    figures: list[Figure] = []
    failed = False
    for name in arguments.only:
        started = time.monotonic()
        try:
            figures += ROWS[name](arguments.records)
        except Exception:  # the other rows' minutes shall not be lost
            traceback.print_exc()
            failed = True
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return 0 if report("engine", figures) and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
