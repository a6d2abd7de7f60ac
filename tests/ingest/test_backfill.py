from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.ingest.backfill import BackfillError, collect, make_blocks, openmetrics_by_day
from aiwatch.ingest.sinks.ndjson import NdjsonSink

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
BOT = build_process({"name": "bot", "title": "Bot", "kind": "chat", "business_unit": "sales", "owner": "a@example.com"})
CATALOGUE = Catalogue(Framework(), (BOT,))


def interaction(number: int, time: datetime, **fields: object) -> str:
    stamp = time.isoformat().replace("+00:00", "Z")
    return json.dumps({"@timestamp": stamp, "type": "interaction", "id": f"i{number}", "confidence": 0.5, **fields})


def write_log(folder: Path, lines: list[str]) -> Path:
    (folder / "bot").mkdir(parents=True, exist_ok=True)
    (folder / "bot" / "old.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


def samples(text: str, series: str) -> list[tuple[int, float]]:
    """Return (time, value) of every sample whose line begins with the name and holds the labels."""
    found = re.findall(rf"^{re.escape(series)}(?:_total)?{{[^}}]*}} (\S+) (\d+)$", text, re.MULTILINE)
    return [(int(time), float(value)) for value, time in found]


def test_the_last_sample_of_a_counter_is_the_number_of_events(tmp_path: Path) -> None:
    logs = write_log(tmp_path, [interaction(n, NOW - timedelta(hours=n)) for n in range(100)])
    text = "".join(day for _, day in openmetrics_by_day(collect(CATALOGUE, logs, None, NOW).deltas, NOW))
    assert samples(text, "ai_interactions")[-1][1] == 100


def test_each_counter_begins_with_zero_so_that_its_first_increase_is_seen(tmp_path: Path) -> None:
    logs = write_log(tmp_path, [interaction(1, NOW - timedelta(hours=5))])
    text = "".join(day for _, day in openmetrics_by_day(collect(CATALOGUE, logs, None, NOW).deltas, NOW))
    assert [value for _, value in samples(text, "ai_interactions")][:2] == [0.0, 1.0]


def test_samples_stand_every_five_minutes_and_every_minute_in_the_last_two_days(tmp_path: Path) -> None:
    logs = write_log(tmp_path, [interaction(1, NOW - timedelta(days=3)), interaction(2, NOW - timedelta(minutes=1))])
    text = "".join(day for _, day in openmetrics_by_day(collect(CATALOGUE, logs, None, NOW).deltas, NOW))
    times = [time for time, _ in samples(text, "ai_interactions")]
    assert times == sorted(set(times))
    assert {after - before for before, after in itertools.pairwise(times)} <= {300, 60, 30}
    assert times[2] - times[1] == 300
    assert times[-1] <= NOW.timestamp()
    assert times[-1] - times[-3] <= 120


def test_no_sample_lies_in_the_future_and_each_day_is_a_text_of_its_own(tmp_path: Path) -> None:
    logs = write_log(tmp_path, [interaction(n, NOW - timedelta(hours=12 * n)) for n in range(6)])
    days = list(openmetrics_by_day(collect(CATALOGUE, logs, None, NOW).deltas, NOW))
    assert [name for name, _ in days] == ["2026-11-21", "2026-11-22", "2026-11-23"]
    for name, text in days:
        assert text.endswith("# EOF\n")
        for time, _ in samples(text, "ai_interactions"):
            assert time <= NOW.timestamp()
            assert f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d}" == name


def test_an_event_that_stands_twice_in_the_logs_is_counted_once(tmp_path: Path) -> None:
    line = interaction(1, NOW - timedelta(hours=1))
    found = collect(CATALOGUE, write_log(tmp_path, [line, line]), None, NOW)
    assert found.records == {"bot": {"interaction": 1}}
    assert found.repeated == 1


def test_a_second_run_stores_no_document_twice_and_counts_the_same(tmp_path: Path) -> None:
    logs = write_log(tmp_path / "logs", [interaction(n, NOW - timedelta(hours=n)) for n in range(10)])
    counted = []
    for _ in range(2):
        sink = NdjsonSink(tmp_path / "documents.ndjson")
        counted.append(collect(CATALOGUE, logs, sink, NOW).records)
        sink.close()
    assert counted[0] == counted[1] == {"bot": {"interaction": 10}}
    assert len((tmp_path / "documents.ndjson").read_text().splitlines()) == 10


def test_a_line_that_cannot_be_read_is_reported_with_its_place(tmp_path: Path) -> None:
    found = collect(CATALOGUE, write_log(tmp_path, ["nonsense", interaction(1, NOW)]), None, NOW)
    assert [(reject.reason, reject.offset) for reject in found.rejects] == [("not_json", 0)]


def test_a_missing_promtool_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BackfillError, match=r"/nowhere/promtool.*--promtool"):
        make_blocks([("2026-11-23", "# EOF\n")], "/nowhere/promtool", tmp_path, lambda message: None)
