"""Resident memory of `aiwatch export` at full speed behind a backlog; documents go to a server that forgets them."""

from __future__ import annotations

import math
import statistics
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.engine import data
from bench.engine.exporter import following, lay_out, work_folder
from bench.engine.stub import Stub, bulk_stub
from bench.report import Figure
from tools.servers.process import LOOPBACK, free_port

_BACKLOG = 2 * 10**9  # bytes at a million records; with fewer records in proportion
_SILENCE_SECONDS = 60.0


def measure(records: int) -> Iterator[Figure]:
    """Yield the highest resident memory, and how much it grew over the second half."""
    log = data.chat_file(records)
    copies = math.ceil(_BACKLOG * records / 10**6 / log.stat().st_size)
    documents = sum(records - number for number in range(copies))
    port = free_port()
    with work_folder() as folder, bulk_stub() as stub:
        lay_out(folder, [log] * copies)
        started = time.monotonic()
        with following(folder, data.catalogue_folder(redact=True), stub.url, f"{LOOPBACK}:{port}", core=0) as exporter:
            curve = _memory_until(exporter, stub, documents)
            peak = _field(exporter.pid, "VmHWM")
        seconds = time.monotonic() - started
    half = len(curve) // 2
    grown = statistics.mean(curve[-half // 4 :]) - statistics.mean(curve[half : half + half // 4 + 1])
    size = log.stat().st_size * copies / 10**9
    yield Figure(f"memory: highest, behind a backlog of {size:.1f} GB", peak, "MiB", "<= 150")
    yield Figure("memory: growth over the second half", grown, "MiB", "<= 10")
    yield Figure("memory: records per second with redaction, start included", documents / seconds, "records/s")


def _memory_until(exporter: subprocess.Popen[bytes], stub: Stub, documents: int) -> list[float]:
    """Return the resident memory over the time that it takes until all documents came.

    Raises:
        RuntimeError: the exporter ended, or nothing came any more.
    """
    curve: list[float] = []
    taken, heard = 0, time.monotonic()
    for turn in count():
        time.sleep(0.2)
        if exporter.poll() is not None:
            raise RuntimeError(f"the exporter ended with {exporter.returncode}")
        curve.append(_field(exporter.pid, "VmRSS"))
        if turn % 5:
            continue
        now = stub.documents
        if now >= documents:
            break
        if now > taken:
            taken, heard = now, time.monotonic()
        elif time.monotonic() - heard > _SILENCE_SECONDS:
            raise RuntimeError(f"only {now} of {documents} documents came")
    return curve


def _field(pid: int, name: str) -> float:
    """Return a size that the kernel knows of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024
