"""Time one call of each logging method, next to the standard library's logging of the same record.

Run by ``make bench-instrument`` from the root of the repository. The two sides take turns in short runs of
calls, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from report import Figure, report

from aiwatch.instrument import ChatLog, PredictionLog

TURNS = 200
WARM_UP = 5  # turns that do not count
CALLS_PER_TURN = 100
FEATURES = {f"feature_{number:02d}": number * 1.37 for number in range(30)}
INTERACTION = {
    "session": "s-20260102-000123",
    "user": "u-4711",
    "query": "I still have not received my new card, I ordered it over a week ago",
    "response": "I am sorry to hear that. A card takes five working days; I can send it again.",
    "intent": "card_arrival",
    "confidence": 0.9312,
    "latency": 0.0413,
    "input_tokens": 412,
    "output_tokens": 88,
    "cost": 0.00123,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}


def stdlib_logger(path: Path) -> Callable[[str, dict[str, object]], str]:
    """Return what an application does without aiwatch: a FileHandler, json.dumps, uuid4, an ISO time."""
    logger = logging.getLogger(f"bench.{path.name}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)

    def log(kind: str, fields: dict[str, object]) -> str:
        event_id = str(uuid.uuid4())
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        logger.info(json.dumps({"@timestamp": at, "type": kind, "id": event_id, **fields}))
        return event_id

    return log


def measure(call: Callable[[], object]) -> list[int]:
    """Return how long each of some calls took, in nanoseconds."""
    times = []
    for _ in range(CALLS_PER_TURN):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return times


def main() -> int:
    """Run the benchmark; return 1 when a target was missed."""
    with tempfile.TemporaryDirectory(prefix="aiwatch-bench-") as folder:
        chat = ChatLog(Path(folder, "chat.jsonl"), model="intents", model_version="7")
        model = PredictionLog(Path(folder, "model.jsonl"), model="fraud", model_version="3")
        baseline = stdlib_logger(Path(folder, "baseline.jsonl"))
        named = {"model": "intents", "model_version": "7", "outcome": "answered"}
        scored = {
            "model": "fraud",
            "model_version": "3",
            "features": FEATURES,
            "score": 0.02,
            "decision": "approve",
        }
        event = chat.interaction(query="warm up")
        candidates: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "interaction": (
                lambda: chat.interaction(**INTERACTION),  # type: ignore[arg-type]
                lambda: baseline("interaction", {**INTERACTION, **named}),
            ),
            "feedback": (
                lambda: chat.feedback(interaction=event, rating="up"),
                lambda: baseline("feedback", {"interaction": event, "rating": "up"}),
            ),
            "prediction (30 features)": (
                lambda: model.prediction(features=FEATURES, score=0.02, decision="approve", latency=0.004),
                lambda: baseline("prediction", {**scored, "latency": 0.004}),
            ),
        }
        times: dict[tuple[str, int], list[int]] = {(name, side): [] for name in candidates for side in (0, 1)}
        for turn in range(-WARM_UP, TURNS):
            for name, pair in candidates.items():
                for side in (turn % 2, 1 - turn % 2):
                    elapsed = measure(pair[side])
                    if turn >= 0:
                        times[name, side] += elapsed
        if chat.dropped or model.dropped:
            print(
                f"{chat.dropped + model.dropped} events were dropped: the figures mean nothing",
                file=sys.stderr,
            )
            return 1

    figures = []
    for name in candidates:
        ours, theirs = (
            (
                statistics.median(times[name, side]) / 1000,
                statistics.quantiles(times[name, side], n=100)[98] / 1000,
            )
            for side in (0, 1)
        )
        figures += [
            Figure(f"{name}, median", ours[0], "µs", "< 20" if name == "interaction" else None),
            Figure(f"{name}, p99", ours[1], "µs"),
            Figure(f"{name} by logging + json, median", theirs[0], "µs"),
            Figure(f"{name} by logging + json, p99", theirs[1], "µs"),
            Figure(f"{name}, median against logging + json", ours[0] / theirs[0], "ratio"),
        ]
    return 0 if report("instrument", figures) else 1


if __name__ == "__main__":
    sys.exit(main())
