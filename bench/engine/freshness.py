"""From a line written to its count on /metrics and its document in Elasticsearch, while the system is idle."""

from __future__ import annotations

import json
import math
import random
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiwatch import names
from bench.engine import data
from bench.engine.exporter import following, work_folder
from bench.engine.server import Target, elasticsearch
from bench.report import Figure
from tools.servers.process import LOOPBACK, free_port

_LINES = 120
_WARM_UP = 5
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 30.0
_COUNTED = re.compile(rf'^{names.INTERACTIONS_TOTAL}{{process="{data.CHAT}".*}} (\S+)$', re.MULTILINE)


def measure(_records: int) -> Iterator[Figure]:
    """Yield the 50th and 99th percentile of both."""
    catalogue = data.catalogue_folder(redact=True)
    port = free_port()
    with work_folder() as folder, elasticsearch(folder, catalogue) as target:
        log = folder / "logs" / data.CHAT / "a.jsonl"
        log.parent.mkdir(parents=True)
        log.touch()
        address = f"{LOOPBACK}:{port}"
        with following(folder, catalogue, target.url, address, key=target.key) as exporter:
            _until(lambda: exporter.poll() is None and _counted(address) is not None)
            _write(log, "first")
            _until(lambda: _counted(address) == 1)  # a new series is shown as 0 for a second
            times = [_time(log, number, address, target) for number in range(1, _WARM_UP + _LINES + 1)][_WARM_UP:]
    for place, seconds in zip(("on /metrics", "in Elasticsearch"), zip(*times, strict=True), strict=True):
        ordered = sorted(seconds)
        yield Figure(f"line written to visible {place}, median", ordered[len(ordered) // 2], "s")
        worst = ordered[math.ceil(0.99 * len(ordered)) - 1]
        yield Figure(f"line written to visible {place}, p99 of {_LINES}", worst, "s", "<= 1.5")


def _time(log: Path, number: int, address: str, target: Target) -> tuple[float, float]:
    """Write a line after a while; return the seconds until it was counted and until it could be fetched by its id."""
    time.sleep(random.uniform(0.0, 0.3))
    event, index = _write(log, f"line-{number}")
    written = time.perf_counter()
    seen: list[float | None] = [None, None]
    looks: tuple[Callable[[], bool], Callable[[], bool]] = (
        lambda: _counted(address) == number + 1,
        lambda: bool(target.client.options(ignore_status=404).get(index=index, id=f"{data.CHAT}:{event}").get("found")),
    )
    while None in seen:
        for place, look in enumerate(looks):
            if seen[place] is None and look():
                seen[place] = time.perf_counter() - written
        if time.perf_counter() - written > _PATIENCE_SECONDS:
            raise TimeoutError(f"line {number} was not visible after {_PATIENCE_SECONDS:.0f} s: {seen}")
        time.sleep(_LOOK_SECONDS)
    counted, stored = seen
    assert counted is not None
    assert stored is not None
    return counted, stored


def _write(log: Path, event: str) -> tuple[str, str]:
    """Append one line; return its id and the index of its document."""
    now = datetime.now(UTC)
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Any] = {
        "@timestamp": stamp,
        "type": "interaction",
        "id": event,
        "query": "where is my card?",
        "intent": "greeting",
        "latency": 0.3,
        "outcome": "answered",
    }
    with log.open("ab") as file:
        file.write(json.dumps(record).encode() + b"\n")
    return event, f"{names.INDEX_PREFIX}{names.FAMILY_INTERACTIONS}-{now:%Y.%m.%d}"


def _counted(address: str) -> float | None:
    """Return how many interactions /metrics shows; None as long as there is no exporter."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            return sum(float(value) for value in _COUNTED.findall(answer.read().decode()))
    except OSError:
        return None


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the exporter did not get going; its messages are in export.log")
        time.sleep(0.1)
