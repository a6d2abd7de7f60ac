"""Whether the demo did what it promises."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import requests

from tools.demo import grafana
from tools.demo.programs import AIWATCH
from tools.demo.report import Prometheus, counts
from tools.demo.stack import Stack

Found = TypeVar("Found")
PAUSED = 3  # exit code of `aiwatch gate`
_SUMMED_UP = {"interaction": "interactions", "feedback": "feedback", "prediction": "predictions"}


def wait(look: Callable[[], Found | None], seconds: float, check: Callable[[], None]) -> Found | None:
    """Return what ``look`` finds, trying for ``seconds``; ``check`` raises when waiting has become pointless."""
    until = time.monotonic() + seconds
    while True:
        check()
        try:
            found = look()
        except requests.ConnectionError:
            found = None
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(0.5)


def gate(stack: Stack, process: str) -> tuple[int, str]:
    """Return what a scheduler is told when it asks whether a model may be retrained: exit code and reason."""
    command = [AIWATCH, "gate", process, f"--responder={stack.responder.url}", stack.folders.catalogue]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def disagreements(stack: Stack, seconds: float) -> list[str]:
    """Stop the simulated processes and return where a store does not hold what they wrote."""
    if not wait(
        lambda: all(path.exists() and path.stat().st_size for path in stack.live_logs) or None, seconds, stack.check
    ):
        return [f"a simulated process wrote nothing: see {', '.join(map(str, stack.live_logs))}"]
    written = dict.fromkeys(_SUMMED_UP, 0)
    summaries = [*(json.loads(simulator.stop()) for simulator in stack.simulators)]
    summaries += [part for part in stack.past.values() if isinstance(part, dict)]
    for summary in summaries:
        for record, field in _SUMMED_UP.items():
            written[record] += summary.get(field, 0)
    stack.simulators.clear()
    expected = {record: (number, number) for record, number in written.items()}
    prometheus = Prometheus(stack.prometheus.url)

    def agreed() -> bool | None:
        return True if counts(prometheus, stack.es) == expected else None

    if wait(agreed, seconds, stack.check):
        return []
    held = counts(prometheus, stack.es)
    return [
        f"{record}: written {written[record]}, in Prometheus {held[record][0]}, in Elasticsearch {held[record][1]}"
        for record in written
        if held[record] != expected[record]
    ]


def addresses(stack: Stack) -> str:
    """Return where everything is, for a browser."""
    rows = [
        ("inbox (notifications, runbooks)", stack.responder.url),
        ("Prometheus", stack.prometheus.url),
        ("Alertmanager", stack.alertmanager.url),
        ("Elasticsearch (user elastic)", stack.elasticsearch.url),
        ("metrics of the exporter", f"{stack.exporter.url}/metrics"),
        ("metrics on drift", f"{stack.drift.url}/metrics"),
    ]
    if stack.grafana:
        password = stack.folders.secrets / grafana.ADMIN_PASSWORD
        rows.insert(0, (f"Grafana (user admin, password in {password})", stack.grafana.url))
    return "".join(f"  {title:32} {url}\n" for title, url in rows)
