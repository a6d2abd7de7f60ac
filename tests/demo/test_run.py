from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiwatch.demo.run import run_chatbot, run_fraud, run_history

RUN_FRAUD = """
import sys
from pathlib import Path
from aiwatch.demo.run import run_fraud
run_fraud(Path(sys.argv[1]), rate=50)
"""


def online_share(logs: Path, process: str) -> float:
    lines = (logs / process / "history.jsonl").read_text().splitlines()
    return sum(json.loads(line)["features"]["channel"] == "online" for line in lines) / len(lines)


def test_the_chatbot_prints_one_line_that_sums_up_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "chat.jsonl"
    run_chatbot(log, rate=200, degraded=True, count=50)
    summary = json.loads(capsys.readouterr().out)
    assert summary["interactions"] == 50
    assert summary["interactions"] + summary["feedback"] == len(log.read_text().splitlines())


def test_a_fraud_run_whose_payments_have_moved_online_begins_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = {}
    for process, moved in (("before", False), ("after", True)):
        run_fraud(tmp_path / process / "history.jsonl", rate=500, moved=moved, count=300)
        shares[process] = online_share(tmp_path, process)
    assert shares["after"] > shares["before"] + 0.15


def test_sigterm_ends_the_fraud_run_with_its_summary(tmp_path: Path) -> None:
    log = tmp_path / "fraud.jsonl"
    with subprocess.Popen([sys.executable, "-c", RUN_FRAUD, str(log)], stdout=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 30
            while not log.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    assert json.loads(out)["predictions"] == len(log.read_text().splitlines()) > 0


def test_the_history_of_every_process_is_summed_up_and_not_written_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = datetime(2026, 3, 4, tzinfo=UTC)
    run_history(tmp_path, days=0.5, degraded_days=0.25, end=end)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["start"], summary["end"]) == ("2026-03-03T12:00:00+00:00", "2026-03-04T00:00:00+00:00")
    chat = (tmp_path / "support-chatbot" / "history.jsonl").read_text().splitlines()
    assert summary["support-chatbot"]["interactions"] + summary["support-chatbot"]["feedback"] == len(chat) > 0
    for process in ("card-fraud", "partner-fraud"):
        lines = (tmp_path / process / "history.jsonl").read_text().splitlines()
        assert summary[process]["predictions"] == len(lines) > 0
    assert summary["card-fraud"]["missing"]["terminal_risk"] > 5 * summary["partner-fraud"]["missing"]["terminal_risk"]
    assert online_share(tmp_path, "partner-fraud") > 1.5 * online_share(tmp_path, "card-fraud")
    with pytest.raises(FileExistsError, match="remove it, or name another folder"):
        run_history(tmp_path, days=0.5, end=end)
