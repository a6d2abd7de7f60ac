"""The metrics and mappings that several kinds have in common."""

from __future__ import annotations

from aiwatch import names
from aiwatch.kinds.base import Metric

KEYWORD = {"type": "keyword", "ignore_above": 1024}

LATENCY = Metric(
    names.LATENCY_SECONDS,
    "histogram",
    "Time from request to response.",
    (names.PROCESS, names.MODEL_VERSION),
)
ERRORS = Metric(
    names.ERRORS_TOTAL,
    "counter",
    "Requests that failed.",
    (names.PROCESS, names.MODEL_VERSION),
)
LAST_EVENT = Metric(
    names.LAST_EVENT_TIMESTAMP_SECONDS,
    "gauge",
    "Time of the newest event seen.",
    (names.PROCESS,),
)
