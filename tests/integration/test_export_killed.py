"""The exporter, writing its documents to a file, is killed at random moments (for Elasticsearch see `test_faults`)."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.faults.scores import Scores
from tests.integration.export_truth import PROCESS, Truth, expected, read_metrics, write_catalogue

KILLS = 12
AIWATCH = (sys.executable, "-c", "from aiwatch.cli import main; main()")


class Setting:
    """Folders of one exporter, its command line, and a chatbot and a model that write their logs meanwhile."""

    def __init__(self, folder: Path, *target: str) -> None:
        self.folder = folder
        self.log = folder / "logs" / PROCESS / "chat.jsonl"
        self.log.parent.mkdir(parents=True)
        self.scores = Scores("card-fraud", seed=5)
        self.scored = folder / "logs" / "card-fraud" / "scores.jsonl"
        self.scored.parent.mkdir()
        self.scores.describe(write_catalogue(folder / "catalogue"))
        folders = [f"--catalogue={folder / 'catalogue'}", f"--logs={folder / 'logs'}"]
        self.command = [*AIWATCH, "export", *folders, f"--state={folder / 'state'}", *target]
        self.truth = Truth()
        self._lines = self.truth.make(seed=7)

    def write(self, number: int) -> None:
        with self.log.open("ab") as log:
            log.write(b"".join(line + b"\n" for line in itertools.islice(self._lines, number)))
        with self.scored.open("ab") as log:
            log.write(self.scores.make(number // 4))

    def rotate(self, number: int) -> None:
        self.log.rename(self.log.with_name(f"chat.jsonl.{number}"))

    def follow_and_kill(self, seconds: float) -> None:
        """Follow the log while it is written; kill -9 some seconds after the first batch was committed."""
        errors = self.folder / "stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen([*self.command, "--listen=127.0.0.1:0"], stderr=stderr)
            try:
                until = time.monotonic() + 30
                while b"metrics on" not in errors.read_bytes():
                    assert process.poll() is None, errors.read_text()
                    assert time.monotonic() < until
                    time.sleep(0.02)
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    self.write(20)
                    time.sleep(0.005)
                assert process.poll() is None, errors.read_text()
            finally:
                process.kill()
                process.wait()

    def finish(self) -> dict[str, object]:
        """Read what is left, and return the counts of that run."""
        metrics = self.folder / "metrics.om"
        command = [*self.command, "--once", "--json", f"--metrics-file={metrics}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert result.returncode == 0, result.stderr
        counts: dict[str, object] = json.loads(result.stdout)
        assert read_metrics(metrics.read_text()) == expected(self.truth)
        letters = (self.folder / "state" / "dead-letters.ndjson").read_bytes().splitlines()
        assert len(letters) == self.truth.corrupt
        places = Counter((letter["stream"], letter["offset"]) for letter in map(json.loads, letters))
        assert max(places.values()) == 1
        return counts


def kill_often(setting: Setting, kills: int) -> None:
    chance = random.Random(3)
    setting.write(3000)
    for number in range(kills):
        setting.follow_and_kill(chance.uniform(0.05, 0.9))
        if number % 3 == 2:
            setting.rotate(number)
            setting.write(100)
    assert setting.finish()["unread_bytes"] == 0
    again = setting.finish()
    assert (again["lines"], again["records"]) == (0, 0)


def test_killed_at_any_moment_the_file_of_documents_and_the_metrics_are_exact(tmp_path: Path) -> None:
    documents = tmp_path / "documents.ndjson"
    setting = Setting(tmp_path, f"--documents=ndjson:{documents}")
    kill_often(setting, KILLS)
    stored = [json.loads(line) for line in documents.read_bytes().splitlines()]
    profiles = [document for document in stored if document["_index"].startswith("aiwatch-profiles-")]
    ids = Counter(each["_id"] for each in stored if "version" not in each)
    scores = {f"card-fraud:p{number}" for number in range(1, setting.scores.records + 1)}
    assert ids.keys() == setting.truth.ids | scores
    assert max(ids.values()) == 1
    assert setting.scores.differences(profiles) == []
    assert len({document["_id"] for document in profiles}) == len(setting.scores.profiles)
