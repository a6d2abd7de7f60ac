from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiwatch.demo.chatbot.classifier import IntentClassifier
from aiwatch.demo.chatbot.journal import ChatSummary
from aiwatch.demo.chatbot.run import run_live, write_history


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_summary_fits(summary: ChatSummary, lines: list[dict[str, Any]]) -> None:
    asked = [line for line in lines if line["type"] == "interaction"]
    rated = [line for line in lines if line["type"] == "feedback"]
    assert len(asked) + len(rated) == len(lines)
    assert (summary.interactions, summary.feedback, summary.dropped) == (len(asked), len(rated), 0)
    assert summary.by_intent == Counter(line["intent"] for line in asked if "intent" in line)
    assert summary.by_outcome == Counter(line["outcome"] for line in asked)
    assert summary.by_rating == Counter(line["rating"] for line in rated)
    confidences = [line["confidence"] for line in asked if "confidence" in line]
    assert summary.confidences == len(confidences)
    assert summary.confidence_sum == pytest.approx(sum(confidences), abs=1e-3)


def test_a_history_is_written_as_it_is_summed_up(tmp_path: Path, classifier: IntentClassifier) -> None:
    end = datetime(2026, 3, 4, tzinfo=UTC)
    start = end - timedelta(days=2)
    path = tmp_path / "support-chatbot" / "history.jsonl"
    summary = write_history(path, classifier, start=start, end=end, degraded_from=end - timedelta(days=1))
    lines = lines_of(path)
    assert_summary_fits(summary, lines)
    assert summary.interactions > 1000
    times = [line["@timestamp"] for line in lines]
    assert times == sorted(times)
    assert times[0].startswith("2026-03-02T00:")
    assert times[-1] < "2026-03-04"


def test_a_live_run_stops_at_the_count_asked_for(tmp_path: Path, classifier: IntentClassifier) -> None:
    path = tmp_path / "live.jsonl"
    stop = threading.Event()
    summary = run_live(path, classifier, rate=100, seed=1, stop=stop, count=60)
    assert summary.interactions == 60
    assert not stop.is_set()
    assert_summary_fits(summary, lines_of(path))


def test_a_live_run_flushes_each_line_and_stops_at_once(tmp_path: Path, classifier: IntentClassifier) -> None:
    path = tmp_path / "live.jsonl"
    stop = threading.Event()
    summaries: list[ChatSummary] = []

    def run() -> None:
        summaries.append(run_live(path, classifier, rate=20, seed=1, stop=stop, degraded=True))

    thread = threading.Thread(target=run, daemon=True)
    began = datetime.now(UTC)
    thread.start()
    deadline = time.monotonic() + 10
    while (not path.exists() or path.read_bytes().count(b"\n") < 20) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    asked_to_stop = time.monotonic()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - asked_to_stop < 1
    lines = lines_of(path)
    assert len(lines) >= 20
    assert_summary_fits(summaries[0], lines)
    assert all(
        began - timedelta(seconds=1) <= datetime.fromisoformat(line["@timestamp"]) <= datetime.now(UTC)
        for line in lines
    )
