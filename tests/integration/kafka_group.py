"""A topic of known content, exporters of one group that read it, and what they made of it."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from elasticsearch import Elasticsearch

from tests.integration.export_truth import PROCESS, Found, Truth, expected, read_metrics, write_catalogue
from tools.servers.kafka import Kafka

ROOT = Path(__file__).parents[2]
AIWATCH = (sys.executable, "-c", "from aiwatch.cli import main; main()")
PARTITIONS = 4
LOGS = """\
logs:
  - {{source: kafka, topic: {topic}, record: interaction}}
  - {{source: kafka, topic: {topic}, record: feedback}}
"""
CLIENT = "session.timeout.ms=3000\nheartbeat.interval.ms=500\n"


class Exporter:
    """One member of the group, as a process of its own."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        folder.mkdir(parents=True)
        self._stderr = folder / "stderr"
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen([*command, f"--state={folder / 'state'}"], stderr=stderr)
        wait_until(lambda: b"metrics on" in self._stderr.read_bytes(), self.said)
        self.url = re.findall(r"metrics on (\S+)", self.said())[0]

    def said(self) -> str:
        return self._stderr.read_text()

    def metrics(self) -> str:
        request = urllib.request.Request(self.url, headers={"Accept": "application/openmetrics-text"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def partitions(self) -> set[str]:
        """The partitions that it shows, which are those that it reads."""
        return set(re.findall(r'aiwatch_lines_read_total{.*partition="([^"]+)"', self.metrics()))

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(30) == 0, self.said()


class Setting:
    """A topic, those who read it, and what they must come to."""

    def __init__(self, stack: ExitStack, folder: Path, broker: Kafka, topic: str, target: Sequence[str]) -> None:
        self._stack = stack
        self.folder = folder
        self._topic = topic
        self._members = 0
        self.target = target
        self.truth = Truth()
        self._lines = self.truth.make(seed=11)
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        catalogue = write_catalogue(folder / "catalogue")
        with (catalogue / "processes" / f"{PROCESS}.yml").open("a") as file:
            file.write(LOGS.format(topic=topic))
        (folder / "client").write_text(CLIENT)
        self.command = [
            *AIWATCH,
            "export",
            f"--catalogue={catalogue}",
            f"--logs={folder}",
            f"--kafka={broker.bootstrap}",
        ]
        self.command += [f"--kafka-group={topic}", f"--kafka-config={folder / 'client'}", *target]

    def write(self, number: int) -> None:
        for place, line in enumerate(itertools.islice(self._lines, number)):
            self._producer.produce(self._topic, line, partition=place % PARTITIONS)
        self._producer.flush()

    def start(self) -> Exporter:
        self._members += 1
        exporter = Exporter(
            [*self.command, "--listen=127.0.0.1:0", "--zero-seconds=0"], self.folder / str(self._members)
        )
        self._stack.callback(exporter.kill)
        return exporter

    def await_truth(self, *exporters: Exporter) -> None:
        """Wait until the exporters together show what was written, and check that this stays so."""
        wanted = expected(self.truth)
        wait_until(
            lambda: found(exporters) == wanted,
            lambda: f"{found(exporters)}\nis not {wanted}\n" + "".join(each.said() for each in exporters),
        )
        time.sleep(0.3)
        assert found(exporters) == wanted
        shown = [exporter.partitions() for exporter in exporters]
        assert sum(map(len, shown)) == len(set().union(*shown)) == PARTITIONS

    def check_documents(self, es: Elasticsearch) -> None:
        es.indices.refresh(index="aiwatch-*")
        counts = {each: es.count(index=f"aiwatch-{each}-*")["count"] for each in ("interactions", "feedback")}
        assert counts == {"interactions": self.truth.interactions.total(), "feedback": self.truth.ratings.total()}
        assert es.count(index="aiwatch-dead-letters")["count"] == self.truth.corrupt


def found(exporters: Sequence[Exporter]) -> Found:
    """What exporters show together, their partitions added up."""
    return add_up(text for exporter in exporters for text in by_partition(exporter.metrics()))


def add_up(texts: Iterable[str], process: str = PROCESS) -> Found:
    """The sum of what metrics show."""
    parts = [read_metrics(text, process) for text in texts]
    return Found(
        interactions=sum((part.interactions for part in parts), Counter()),
        ratings=sum((part.ratings for part in parts), Counter()),
        latency_count=sum(part.latency_count for part in parts),
        latency_sum=sum(part.latency_sum for part in parts),
        rejected=sum(part.rejected for part in parts),
        repeated=sum(part.repeated for part in parts),
        lines=sum(part.lines for part in parts),
    )


def by_partition(text: str) -> list[str]:
    """Return the metrics of each partition: `read_metrics` looks at one exporter's."""
    lines = text.splitlines()
    partitions = {*re.findall(r'partition="([^"]+)"', text)}
    return [
        "\n".join(line for line in lines if line.startswith("#") or f'partition="{partition}"' in line) + "\n"
        for partition in sorted(partitions)
    ]


def wait_until(true: Callable[[], bool], said: Callable[[], str]) -> None:
    until = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < until, said()
        time.sleep(0.1)


def api_key(es: Elasticsearch, folder: Path) -> Path:
    """A key with the rights that the exporter gets, and no others."""
    role = json.loads((ROOT / "elasticsearch/generated/roles/exporter.json").read_text())
    key = folder / "key"
    key.write_text(es.security.create_api_key(name="exporter-kafka", role_descriptors={"exporter": role})["encoded"])
    os.chmod(key, 0o600)
    return key
