"""CPU time of other programs that read logs, on the same file and core: mtail and the OpenTelemetry Collector."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.engine import data
from bench.engine.exporter import finish, lay_out, pinned, start_drain, work_folder
from bench.engine.peers.install import ensure_collector, ensure_mtail
from bench.engine.stub import bulk_stub
from bench.engine.timing import cpu_of_children, cpu_seconds, ratio
from bench.report import Figure
from tools.servers.commands import ServerError
from tools.servers.process import LOOPBACK, free_port

_HERE = Path(__file__).parent
_TURNS = 3
_SHARE = 5  # one in so many of the records is read in each turn
_PATIENCE_SECONDS = 600.0
_LINES_READ = re.compile(r"^aiwatch_lines_read_total\S* (\S+)$", re.MULTILINE)
_TARGETS = {"mtail": ">= 3", "OpenTelemetry Collector": ">= 6", "the Collector without compression": ">= 6"}

Measure = Callable[[Path, int], float]  # of a log and its lines: the CPU seconds that reading it took


def measure(records: int) -> Iterator[Figure]:
    """Yield CPU seconds per million records; what starting takes (a log of one line) is taken off."""
    records = max(2, records // _SHARE)
    log, one_line = data.chat_file(records), data.chat_file(1)
    sides: dict[str, Measure] = {"aiwatch": _aiwatch}
    peers = {
        "mtail": _mtail,
        "OpenTelemetry Collector": partial(_collector, "gzip"),  # as it is unless told otherwise
        "the Collector without compression": partial(_collector, "none"),  # as aiwatch sends
    }
    for name, make in peers.items():
        try:
            sides[name] = make()
        except ServerError as error:
            print(f"peers: {name} cannot be had: {error}")
    start = {name: side(one_line, 1) for name, side in sides.items()}
    costs: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(_TURNS):
        for name, side in sides.items():
            costs[name].append((side(log, records) - start[name]) / (records - 1) * 10**6)
    for name, found in costs.items():
        yield Figure(f"CPU for a million chat records: {name}", statistics.median(found), "s")
    for name in sides.keys() & _TARGETS.keys():
        yield Figure(f"CPU of {name} against aiwatch", ratio(costs[name], costs["aiwatch"]), "ratio", _TARGETS[name])


def _aiwatch(log: Path, records: int) -> float:
    with work_folder() as folder, bulk_stub() as stub:
        drained = finish(start_drain(lay_out(folder, [log]), data.catalogue_folder(), stub.url, 0))
    assert drained.records == records
    return drained.cpu_seconds


def _mtail() -> Measure:
    program = ensure_mtail()

    def measure(log: Path, records: int) -> float:
        before = cpu_of_children()
        where = ["-address", LOOPBACK, "-port", str(free_port()), "-logs", str(log.absolute())]
        once = ["-progs", str(_HERE), "-one_shot", "-one_shot_format", "prometheus", "-logtostderr"]
        done = subprocess.run(pinned([program, *where, *once], 0), capture_output=True, text=True, check=True)
        read = _LINES_READ.search(done.stdout)
        assert read is not None, f"mtail counted nothing: {done.stderr[-500:]}"
        assert float(read[1]) == records, f"mtail read {read[1]} of {records} lines"
        return cpu_of_children() - before

    return measure


def _collector(compression: str) -> Measure:
    program = ensure_collector()

    def measure(log: Path, records: int) -> float:
        with work_folder() as folder, bulk_stub() as stub:
            text = (_HERE / "collector.yaml").read_text()
            chosen = {"INCLUDE": str(log.absolute()), "ENDPOINT": stub.url, "COMPRESSION": compression}
            for name, value in chosen.items():
                text = text.replace(name, value)
            config = folder / "collector.yaml"
            config.write_text(text)
            with subprocess.Popen(pinned([program, "--config", config], 0)) as process:
                try:
                    end = time.monotonic() + _PATIENCE_SECONDS
                    while stub.documents < records:
                        assert process.poll() is None, f"the Collector ended with {process.returncode}"
                        assert time.monotonic() < end, f"only {stub.documents} of {records} documents came"
                        time.sleep(0.2)
                    return cpu_seconds(process.pid)
                finally:
                    process.terminate()

    return measure
