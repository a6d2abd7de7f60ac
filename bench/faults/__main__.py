"""`make bench-faults`: every fault, a table of what became of it, and build/bench/faults.json.

Only the faults named as arguments are injected, if there are any; ``--short`` is what `make test` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.faults.run import Row, figures, inject, table
from bench.faults.scenarios import FAULTS
from bench.faults.world import around
from bench.report import report
from tools.servers import run as servers


def main() -> int:
    """Return 1 when anything was lost, doubled, or shown otherwise than it was."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAULT", help=" ".join(fault.name for fault in FAULTS))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder to keep logs, state and output in")
    options = parser.parse_args()
    if unknown := set(options.names) - {fault.name for fault in FAULTS}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    chosen = [fault for fault in FAULTS if not options.names or fault.name in options.names]
    chosen = [fault for fault in chosen if fault.short or not options.short]
    began = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="aiwatch-faults-") as temporary:
        folder = Path(options.keep or temporary)
        with servers.elasticsearch(folder / "elasticsearch") as server, around(folder, server) as world:
            for fault in chosen:
                print(f"{fault.title} ...", file=sys.stderr)
                rows.append(inject(world, fault, fault.short if options.short else fault.times))
                for line in rows[-1].complaints or filter(None, (rows[-1].skipped,)):
                    print(f"  {line}", file=sys.stderr)
    if len(chosen) == len(FAULTS) and not options.short:
        report("faults", figures(rows, (time.monotonic() - began) / 60))
        print()
    print(table(rows))
    return 1 if any(row.complaints for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
