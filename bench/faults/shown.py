"""What an exporter shows on /metrics, and where that differs from the truth."""

from __future__ import annotations

import bisect
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from bench.faults.truth import VERSION, Series, Truth, series

COMPARED = (
    "aiwatch_lines_read_total",
    "aiwatch_records_total",
    "aiwatch_records_rejected_total",
    "aiwatch_records_duplicate_total",
    "ai_interactions_total",
    "ai_errors_total",
    "ai_feedback_total",
    "ai_tokens_total",
    "ai_sessions_total",
)
EVENTS = ("ai_interactions_total", "ai_feedback_total")


def scrape(port: int) -> str:
    """Return /metrics of the exporter on ``port``.

    Raises:
        OSError: it does not answer.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def value(text: str, name: str) -> float:
    """Return the sum of all series of ``name``; for a quick look, without parsing everything."""
    lines = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def parse(text: str, process: str) -> dict[Series, float]:
    """Return the value of every series of a process."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            if labels.pop("process", None) == process:
                found[series(sample.name, *labels.items())] = sample.value
    return found


def differences(found: dict[Series, float], truth: Truth) -> list[str]:
    """Return, in words, every series that is not what the truth says: counters, buckets, sums and counts."""
    wrong = []
    expected: dict[Series, float] = dict(truth.counters)
    for name, values in truth.observed.items():
        ordered = sorted(values)
        expected[series(f"{name}_count", VERSION)] = len(ordered)
        expected[series(f"{name}_sum", VERSION)] = sum(ordered)
        for key in [key for key in found if key[0] == f"{name}_bucket"]:
            expected[key] = bisect.bisect_right(ordered, float(dict(key[1])["le"]))
    names = {*COMPARED, *(f"{name}_{part}" for name in truth.observed for part in ("count", "sum", "bucket"))}
    for key in sorted(expected.keys() | {key for key in found if key[0] in names}):
        right, seen = expected.get(key, 0.0), found.get(key, 0.0)
        if right != seen:
            labels = ",".join(f"{name}={value}" for name, value in key[1])
            wrong.append(f"{key[0]}{{{labels}}} is {seen:g}, not {right:g}")
    return wrong
