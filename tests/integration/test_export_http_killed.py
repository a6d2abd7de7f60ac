"""Whoever posts with retries loses nothing when the exporter is killed at random moments, and nothing counts twice."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import requests

from aiwatch.ingest.sending import in_background
from aiwatch.ingest.sources.compressed import zstd
from tests.integration.export_truth import CATALOGUE, PROCESS, read_metrics

KILLS = 8
CLIENTS = 4
AIWATCH = (sys.executable, "-c", "from aiwatch.cli import main; main()")
PACK = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd.compress}


class Client:
    """Posts events, and each body again until it is answered with 200."""

    def __init__(self, name: str, url: str, token: str) -> None:
        self.name = name
        self.posted: list[str] = []
        self.answers: Counter[int] = Counter()
        self._url = url
        self._token = token
        self._done = threading.Event()
        self._run_result = in_background(self._run)

    def _run(self) -> None:
        chance = random.Random(self.name)
        numbers = itertools.count()
        with requests.Session() as session:
            while not self._done.is_set():
                ids = [f"{self.name}-{next(numbers)}" for _ in range(chance.randrange(1, 60))]
                encoding = chance.choice(list(PACK))
                body = PACK[encoding](b"".join(event(each) for each in ids))
                headers = {"Content-Encoding": encoding, "Authorization": f"Bearer {self._token}"}
                while not self._post(session, body, headers):
                    time.sleep(0.05)
                self.posted += ids

    def _post(self, session: requests.Session, body: bytes, headers: dict[str, str]) -> bool:
        try:
            answer = session.post(self._url, body, params={"process": PROCESS}, headers=headers, timeout=20)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            self.answers[0] += 1
            return False
        assert answer.status_code in (200, 429, 503), answer.text
        self.answers[answer.status_code] += 1
        return answer.status_code == 200

    def stop(self) -> None:
        self._done.set()

    def finish(self) -> None:
        self.stop()
        self._run_result.result(60)


def event(id_: str) -> bytes:
    time = "2026-03-04T11:00:00Z"
    record = {"@timestamp": time, "type": "interaction", "id": id_, "query": "where is it?", "latency": 0.25}
    return json.dumps(record).encode() + b"\n"


class Setting:
    """An exporter's folders and command line, on ports that stay the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "catalogue" / "processes").mkdir(parents=True)
        (folder / "catalogue" / "processes" / f"{PROCESS}.yml").write_text(CATALOGUE + "logs: [{source: http}]\n")
        (folder / "token").write_text("secret\n")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.documents = folder / "documents.ndjson"
        self.command = [
            *(*AIWATCH, "export", f"--catalogue={folder / 'catalogue'}", f"--logs={folder / 'logs'}"),
            *(f"--state={folder / 'state'}", f"--documents=ndjson:{self.documents}"),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        listen = [f"--events-listen=127.0.0.1:{self.port}", f"--events-token-file={self.folder / 'token'}"]
        errors = self.folder / "stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen([*self.command, "--listen=127.0.0.1:0", *listen], stderr=stderr)
        until = time.monotonic() + 30
        while b"events on" not in errors.read_bytes():
            assert process.poll() is None, errors.read_text()
            assert time.monotonic() < until
            time.sleep(0.02)
        return process

    def count(self) -> dict[str, Any]:
        """Deliver what is left in the spool; return the counts of that run, and those of all runs."""
        metrics = self.folder / "metrics.om"
        command = [*self.command, "--once", "--json", f"--metrics-file={metrics}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found | {"all": read_metrics(metrics.read_text())}


def test_killed_at_any_moment_every_posted_event_is_stored_and_counted_once(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    chance = random.Random(5)
    url = f"http://127.0.0.1:{setting.port}/v1/events"
    clients = [Client(f"client{number}", url, "secret") for number in range(CLIENTS)]
    process: subprocess.Popen[bytes] | None = None
    try:
        for _ in range(KILLS):
            process = setting.start()
            time.sleep(chance.uniform(0.05, 0.8))
            process.kill()
            process.wait()
        process = setting.start()
        for client in clients:
            client.finish()
        process.terminate()
        assert process.wait(30) == 0
    finally:
        for client in clients:
            client.stop()
        if process is not None:
            process.kill()
            process.wait()

    posted = [each for client in clients for each in client.posted]
    found = setting.count()
    assert found["problems"] == {}
    stored = Counter(json.loads(line)["_id"] for line in setting.documents.read_bytes().splitlines())
    assert stored == Counter(f"{PROCESS}:{each}" for each in posted)
    counted = found["all"]
    assert counted.interactions.total() == counted.latency_count == 4 * counted.latency_sum == len(posted)
    assert counted.lines == len(posted) + counted.repeated
    assert counted.rejected == 0
    assert sum((client.answers for client in clients), Counter()).keys() >= {0, 200}
    assert not [path for path, _, files in os.walk(tmp_path / "state" / "spool") if files]
