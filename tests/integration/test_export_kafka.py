"""Exporters that share a topic come and go: nothing is lost, nothing is counted or stored twice."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from bench.faults.scores import Scores
from tests.integration.conftest import StartServer, wipe
from tests.integration.export_truth import PROCESS, Found, expected
from tests.integration.kafka_group import (
    AIWATCH,
    CLIENT,
    PARTITIONS,
    ROOT,
    Exporter,
    Setting,
    add_up,
    api_key,
    by_partition,
    found,
    wait_until,
)
from tools.servers import run
from tools.servers.kafka import Kafka, kafka

NewSetting = Callable[[str], Setting]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def setting(
    stack: ExitStack, tmp_path: Path, broker: Kafka, es: Elasticsearch, elasticsearch_server: run.Elasticsearch
) -> NewSetting:
    wipe(es)
    target = [f"--elasticsearch={elasticsearch_server.url}", f"--api-key-file={api_key(es, tmp_path)}"]
    return lambda topic: Setting(stack, tmp_path, broker, topic, target)


def test_one_joins_late_one_is_killed_one_leaves_and_all_is_counted_once(
    setting: NewSetting, es: Elasticsearch
) -> None:
    group = setting("chats")
    group.write(6000)
    first = group.start()
    wait_until(lambda: found([first]).lines > 0, first.said)
    second = group.start()
    group.write(6000)
    wait_until(lambda: len(second.partitions()) == 2, second.said)
    group.write(6000)
    first.kill()
    group.write(3000)
    third = group.start()
    group.write(3000)
    group.await_truth(second, third)
    second.stop()
    group.write(500)
    group.await_truth(third)
    group.check_documents(es)
    fetched = subprocess.run(
        [*AIWATCH, "deadletter", "fetch", *group.target, "--kafka-group=chats"], capture_output=True, check=True
    )
    assert len({json.loads(line)["offset"] for line in fetched.stdout.splitlines()}) > 1
    assert len(fetched.stdout.splitlines()) == group.truth.corrupt


def watch(start_prometheus: StartServer, group: Setting, *exporters: Exporter) -> str:
    """Scrape exporters with the project's own job, only more often; returns the server's address."""
    jobs = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (job,) = (job for job in jobs if job["job_name"] == "aiwatch-exporter")
    del job["file_sd_configs"]
    job["static_configs"] = [{"targets": [exporter.url.split("/")[2] for exporter in exporters]}]
    config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}, "scrape_configs": [job]}
    (group.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return start_prometheus(group.folder).url


def asked(prometheus: str, query: str) -> dict[str, float]:
    """The answer to a query, by partition."""
    answer = requests.get(f"{prometheus}/api/v1/query", params={"query": query}, timeout=10).json()
    return {each["metric"]["partition"]: float(each["value"][1]) for each in answer["data"]["result"]}


def test_one_that_slept_too_long_adds_nothing_to_what_others_went_on_with(
    setting: NewSetting, es: Elasticsearch, start_prometheus: StartServer
) -> None:
    group = setting("slept")
    group.write(4000)
    first, second = group.start(), group.start()
    prometheus = watch(start_prometheus, group, first, second)
    wait_until(lambda: len(first.partitions()) == len(second.partitions()) == 2, first.said)
    for _ in range(60):
        group.write(100)
    first.send(signal.SIGSTOP)  # with batches on their way
    group.write(2000)
    wait_until(lambda: len(second.partitions()) == 4, second.said)
    group.write(2000)
    first.send(signal.SIGCONT)
    shown = first.partitions() & second.partitions()
    assert not shown, "both show the same partition"
    group.write(2000)
    wait_until(lambda: len(first.partitions()) == len(second.partitions()) == 2, first.said)
    group.await_truth(first, second)
    group.check_documents(es)
    time.sleep(1.0)  # until the end has been scraped
    lines = f'aiwatch_lines_read_total{{process="{PROCESS}",partition!=""}}'
    assert sum(asked(prometheus, lines).values()) == expected(group.truth).lines
    # One series for each partition throughout, whoever read it, which never went back.
    assert asked(prometheus, f"count by (partition) (count_over_time({lines}[5m]))") == dict.fromkeys(
        places("slept"), 1
    )
    assert asked(prometheus, f"resets({lines}[5m])") == dict.fromkeys(places("slept"), 0)


def shown(metrics: Path) -> Found:
    return add_up(by_partition(metrics.read_text()))


def places(topic: str) -> list[str]:
    return [f"{topic}/{number}" for number in range(PARTITIONS)]


def test_a_single_exporter_keeps_the_state_in_files_and_can_be_killed(
    stack: ExitStack, tmp_path: Path, broker: Kafka
) -> None:
    documents = tmp_path / "documents.ndjson"
    single = Setting(stack, tmp_path, broker, "single", [f"--documents=ndjson:{documents}"])
    single.write(8000)
    exporter = single.start()
    wait_until(lambda: found([exporter]).lines > 0, exporter.said)
    exporter.kill()
    single.write(2000)
    metrics = tmp_path / "metrics.om"
    command = [*single.command, f"--state={tmp_path / '1' / 'state'}", "--once", "--json", f"--metrics-file={metrics}"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert shown(metrics) == expected(single.truth)
    assert json.loads(done.stdout)["lines"] == 0
    ids = Counter(json.loads(line)["_id"] for line in documents.read_bytes().splitlines())
    assert ids.keys() == single.truth.ids
    assert max(ids.values()) == 1
    letters = [*(tmp_path / "1" / "state" / "kafka").rglob("dead-letters.ndjson")]
    assert sum(len(file.read_bytes().splitlines()) for file in letters) == single.truth.corrupt


def test_a_state_that_is_gone_is_told_and_nothing_is_read_from_the_beginning_again(
    stack: ExitStack, tmp_path: Path, broker: Kafka
) -> None:
    single = Setting(stack, tmp_path, broker, "gone", [f"--documents=ndjson:{tmp_path / 'documents.ndjson'}"])
    single.write(500)
    first = single.start()
    single.await_truth(first)
    first.stop()
    second = single.start()
    wait_until(lambda: "Kafka says that the group has read partition gone/0" in second.said(), second.said)
    assert second.partitions() == set()


def test_each_partition_has_parts_of_the_profiles_which_add_up_whoever_reads_it(
    stack: ExitStack, tmp_path: Path, broker: Kafka, es: Elasticsearch, elasticsearch_server: run.Elasticsearch
) -> None:
    wipe(es)
    apply(es, dict(generate(Catalogue(Framework(), ()))), tmp_path, retentions(Framework()), datetime.now(UTC).date())
    scores = Scores("card-fraud", seed=8)
    (tmp_path / "catalogue" / "processes").mkdir(parents=True)
    scores.describe(tmp_path / "catalogue", "logs: [{source: kafka, topic: scores, record: prediction}]\n")
    (tmp_path / "client").write_text(CLIENT)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic("scores", PARTITIONS, 1)])["scores"].result()
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    options = [f"--catalogue={tmp_path / 'catalogue'}", f"--logs={tmp_path}", "--listen=127.0.0.1:0"]
    options += [f"--kafka={broker.bootstrap}", "--kafka-group=scores", f"--kafka-config={tmp_path / 'client'}"]
    options += [f"--elasticsearch={elasticsearch_server.url}", f"--api-key-file={tmp_path / 'exporter-api-key'}"]

    def write(number: int) -> None:
        for place, line in enumerate(scores.make(number).splitlines()):
            producer.produce("scores", line, partition=place % PARTITIONS)
        producer.flush()

    def start(name: str) -> Exporter:
        exporter = Exporter([*AIWATCH, "export", *options, "--zero-seconds=0"], tmp_path / name)
        stack.callback(exporter.kill)
        return exporter

    write(4000)
    first, second = start("first"), start("second")
    wait_until(lambda: len(second.partitions()) == PARTITIONS // 2, second.said)
    write(4000)
    first.kill()
    write(2000)
    wait_until(lambda: add_up(by_partition(second.metrics()), "card-fraud").lines == scores.lines, second.said)
    second.stop()
    es.indices.refresh(index="aiwatch-*")
    stored = [hit["_source"] for hit in scan(es, index="aiwatch-profiles-*")]
    assert scores.differences(stored) == []
    assert len(stored) > len(scores.profiles)  # a part of each partition
