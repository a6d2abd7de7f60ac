"""`aiwatch export` goes on with a changed catalogue: no restart, no scrape refused, nothing counted twice."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

PROCESS = "name: {0}\ntitle: A bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
SECONDS = 30


class Running:
    """An exporter at work, in a folder with catalogue, logs and state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "exporter.log"
        command = [
            *(str(Path(sys.executable).with_name("aiwatch")), "export", "--listen=127.0.0.1:0", "--zero-seconds=0"),
            "--events-listen=127.0.0.1:0",
            *(f"--catalogue={folder}/catalogue", f"--logs={folder}/logs", f"--state={folder}/state"),
            f"--documents=ndjson:{folder}/documents.ndjson",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdin=subprocess.PIPE)
        self.url = self.address("metrics", "metrics")

    def address(self, what: str, path: str) -> str:
        self.until(f"{what} on http")
        found = re.search(rf"http://\S+/{path}", self.log.read_text())
        assert found
        return found[0]

    def metrics(self) -> str:
        with urllib.request.urlopen(self.url, timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def until(self, said: str) -> None:
        end = time.monotonic() + SECONDS
        while said not in self.log.read_text():
            assert time.monotonic() < end, f"{said!r} was not said:\n{self.log.read_text()}"
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def shows(self, series: str) -> None:
        """Wait for a line in the metrics; every scrape on the way has to succeed."""
        end = time.monotonic() + SECONDS
        while series not in (text := self.metrics()):
            assert time.monotonic() < end, f"{series} is not among\n{text}\n{self.log.read_text()}"
            time.sleep(0.02)

    def describe(self, name: str, extra: str = "") -> None:
        (self.folder / "catalogue" / "processes" / f"{name}.yml").write_text(PROCESS.format(name) + extra)

    def write(self, name: str, key: str) -> None:
        path = self.folder / "logs" / name / "a.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            log.write(line(key))


def line(key: str) -> bytes:
    record = {"@timestamp": "2026-03-04T11:00:00.000Z", "type": "interaction", "id": key, "query": "where is it?"}
    return json.dumps(record).encode() + b"\n"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "catalogue" / "processes").mkdir(parents=True)
    (tmp_path / "catalogue" / "processes" / "bot.yml").write_text(PROCESS.format("bot"))
    (tmp_path / "logs").mkdir()
    running = Running(tmp_path)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(SECONDS) == 0


def records(process: str, number: int) -> str:
    return f'aiwatch_records_total{{process="{process}",record="interaction"}} {number}'


def test_a_new_process_is_followed_and_the_counts_of_the_others_go_on(running: Running) -> None:
    running.write("bot", "1")
    running.shows(records("bot", 1))
    running.describe("other-bot")
    running.write("other-bot", "2")
    running.shows(records("other-bot", 1))
    running.write("bot", "3")
    running.shows(records("bot", 2))
    documents = (running.folder / "documents.ndjson").read_text().splitlines()
    assert len(documents) == 3


def test_mistakes_are_said_and_the_former_catalogue_stays_in_use(running: Running) -> None:
    running.describe("bot", "kinds: chat\n")
    running.until("bot.yml:6")
    running.write("bot", "1")
    running.shows(records("bot", 1))
    running.describe("bot", "intents: [greeting]\n")
    running.until("going on with the new one")
    running.write("bot", "2")
    running.shows(records("bot", 2))


def test_who_posts_meanwhile_is_asked_to_come_back_and_nothing_is_counted_twice(running: Running) -> None:
    running.describe("other-bot", "logs: [{source: http}]\n")
    url = running.address("events", "v1/events")

    def post(key: str) -> int:
        return requests.post(f"{url}?process=other-bot", line(key), timeout=SECONDS).status_code

    posted = 0
    for number in range(1, 4):
        running.describe("bot", f"intents: [greeting-{number}]\n")
        end = time.monotonic() + SECONDS
        while running.log.read_text().count("going on with the new one") <= number:
            assert time.monotonic() < end
            status = post(str(posted))
            assert status in (200, 503)
            posted += status == 200
    while post(str(posted)) != 200:  # it may be there already, if the last answer was to come back
        assert time.monotonic() < end
    posted += 1
    running.shows(records("other-bot", posted))
    assert len((running.folder / "documents.ndjson").read_text().splitlines()) == posted


def test_standard_input_is_read_on_in_the_middle_of_a_line(running: Running) -> None:
    running.describe("bot", "logs: [{source: stdin}]\n")
    running.until("going on with the new one")
    pipe = running.process.stdin
    assert pipe is not None
    pipe.write(line("1") + line("2")[:20])
    pipe.flush()
    running.shows(records("bot", 1))
    running.describe("other-bot")
    running.shows(records("other-bot", 0))
    pipe.write(line("2")[20:])
    pipe.close()
    running.shows(records("bot", 2))
