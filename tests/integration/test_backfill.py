from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tools.servers import run

AIWATCH = str(Path(sys.executable).with_name("aiwatch"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def old_logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs" / "support-chatbot"
    folder.mkdir(parents=True)
    (tmp_path / "logs" / "card-fraud").mkdir()
    now = datetime.now(UTC)
    with (folder / "old.jsonl").open("w") as file:
        for hour in range(1, 24 * 10):
            stamp = (now - timedelta(hours=hour)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {
                "@timestamp": stamp,
                "type": "interaction",
                "id": f"i{hour}",
                "confidence": 0.4 if hour < 24 else 0.9,
            }
            file.write(json.dumps(line) + "\n")
        file.write("nonsense\n")
    return tmp_path / "logs"


def test_prometheus_sees_the_past_at_the_events_times(tmp_path: Path, old_logs: Path, promtool: Path) -> None:
    data = tmp_path / "prometheus" / "data"
    for _ in range(2):  # the second run makes the same samples once more
        done = subprocess.run(
            [
                AIWATCH,
                "backfill",
                f"--catalogue={ROOT / 'catalogue'}",
                f"--logs={old_logs}",
                f"--blocks={data}",
                f"--promtool={promtool}",
                f"--state={tmp_path / 'state'}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(done.stdout)["records"] == {"support-chatbot": {"interaction": 239}}
    assert json.loads(done.stdout)["rejected"] == {"not_json": 1}
    letters = (tmp_path / "state" / "dead-letters.ndjson").read_text().splitlines()
    assert json.loads(letters[0])["line"] == "nonsense"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "prometheus.yml").write_text("{}\n")
    with run.prometheus(tmp_path / "prometheus", tmp_path / "config") as server:

        def value(query: str) -> float:
            answer = requests.get(f"{server.url}/api/v1/query", params={"query": query}, timeout=10).json()
            return float(answer["data"]["result"][0]["value"][1])

        selector = '{process="support-chatbot"}'
        assert value(f"sum(max_over_time(ai_interactions_total{selector}[11d]))") == 239
        assert value(f"sum(increase(ai_interactions_total{selector}[9d]))") == pytest.approx(216, abs=2)
        recent = " / ".join(f"sum(increase(ai_confidence_ratio_{part}{selector}[20h]))" for part in ("sum", "count"))
        assert value(recent) == pytest.approx(0.4, abs=0.001)
