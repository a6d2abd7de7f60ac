from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from aiwatch.demo.fraud.events import events
from aiwatch.demo.fraud.faults import BROKEN_FEATURE, LOST_SHARE, Faults
from aiwatch.demo.fraud.journal import FraudSummary
from aiwatch.demo.fraud.model import FraudModel
from aiwatch.demo.fraud.records import FEATURES
from aiwatch.demo.fraud.run import run_live, write_history

START = datetime(2026, 3, 2, tzinfo=UTC)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_summary_fits(summary: FraudSummary, lines: list[dict[str, Any]]) -> None:
    assert all(line["type"] == "prediction" for line in lines)
    assert (summary.predictions, summary.dropped) == (len(lines), 0)
    assert summary.errors == sum("error" in line for line in lines)
    assert summary.by_decision == Counter(line["decision"] for line in lines if "decision" in line)
    assert summary.missing == Counter(
        name for line in lines for name, value in line["features"].items() if value is None
    )
    assert summary.score_sum == pytest.approx(sum(line.get("score", 0) for line in lines), abs=1e-3)


def test_a_history_is_written_as_it_is_summed_up(tmp_path: Path, model: FraudModel) -> None:
    path = tmp_path / "card-fraud" / "history.jsonl"
    summary = write_history(path, model, start=START, end=START + timedelta(days=2))
    lines = lines_of(path)
    assert_summary_fits(summary, lines)
    assert 5000 < summary.predictions < 10_000
    assert summary.errors > 0
    assert summary.fraud > 0
    assert all(list(line["features"]) == list(FEATURES) for line in lines)
    assert all(("error" in line) != ("score" in line) for line in lines)
    times = [line["@timestamp"] for line in lines]
    assert times == sorted(times)
    assert "2026-03-02" <= times[0] <= times[-1] < "2026-03-04"


def test_the_same_arguments_give_the_same_events_whatever_the_batch(model: FraudModel) -> None:
    end = START + timedelta(hours=4)
    one = list(events(START, end, 3, model))
    assert one == list(events(START, end, 3, model, batch=50))
    assert len({prediction.id for prediction in one}) == len(one) > 0


def test_a_broken_feed_loses_a_feature_and_nothing_else(model: FraudModel) -> None:
    end = START + timedelta(hours=8)
    broken, mended = START.timestamp() + 4 * 3600, START.timestamp() + 6 * 3600
    healthy = list(events(START, end, 3, model))
    faulty = list(events(START, end, 3, model, faults=Faults(broken, mended, math.inf, math.inf)))
    assert [p.id for p in healthy] == [p.id for p in faulty]
    lost = [p for p, usual in zip(faulty, healthy, strict=True) if p.features != usual.features]
    assert all(broken <= p.time < mended and p.features[BROKEN_FEATURE] is None for p in lost)
    within = [p for p in faulty if broken <= p.time < mended]
    assert len(lost) / len(within) == pytest.approx(LOST_SHARE, abs=0.08)


def test_moving_buyers_pay_online_more_and_more(model: FraudModel) -> None:
    start, end = START.timestamp(), START + timedelta(hours=4)
    found = list(
        events(START, end, 3, model, per_day=40_000, faults=Faults(math.inf, math.inf, start + 7200, start + 8400))
    )
    shares = [
        fmean(p.features["channel"] == "online" for p in found if begin <= p.time - start < begin + 1800)
        for begin in (0, 5400, 7200, 12_600)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=0.08)
    assert shares[1] + 0.1 < shares[2] < shares[3]


def test_another_seed_gives_other_ids(model: FraudModel) -> None:
    runs = [
        {prediction.id for prediction in islice(events(start, None, seed, model, batch=8), 20)}
        for start, seed in ((START, 1), (START, 2))
    ]
    assert len(set.union(*runs)) == 40


def test_a_live_run_stops_at_the_count_asked_for(tmp_path: Path, model: FraudModel) -> None:
    path = tmp_path / "live.jsonl"
    summary = run_live(path, model, rate=100, seed=1, stop=threading.Event(), count=60)
    assert summary.predictions == 60
    assert_summary_fits(summary, lines_of(path))


def test_a_live_run_flushes_each_line_and_stops_at_once(tmp_path: Path, model: FraudModel) -> None:
    path = tmp_path / "live.jsonl"
    stop = threading.Event()
    summaries: list[FraudSummary] = []
    thread = threading.Thread(
        target=lambda: summaries.append(run_live(path, model, rate=20, seed=1, stop=stop)), daemon=True
    )
    thread.start()
    deadline = time.monotonic() + 20
    while (not path.exists() or path.read_bytes().count(b"\n") < 20) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    asked_to_stop = time.monotonic()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - asked_to_stop < 1
    assert len(lines_of(path)) >= 20
    assert_summary_fits(summaries[0], lines_of(path))
