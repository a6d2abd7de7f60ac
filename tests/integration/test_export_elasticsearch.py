"""The exporter against a real Elasticsearch, with the templates and the key that provision gives it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch

from aiwatch.catalogue.model import Catalogue, Framework, Process, build_process
from aiwatch.ingest.dead_letters import DeadLetter, read
from aiwatch.ingest.export import Exporter, open_exporter
from aiwatch.ingest.joining import Join, Joiner
from aiwatch.ingest.replay import hand_over
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from tests.integration.export_truth import PROCESS, write_catalogue
from tests.integration.missing_shard import without_a_shard
from tools.servers import run

EARLIER = datetime.now(UTC) - timedelta(hours=1)


def bot(name: str = "bot", **settings: Any) -> Process:
    data = {"name": name, "title": name, "kind": "chat", "business_unit": "sales", "owner": "a@example.com"}
    return build_process(data | settings)


def at(seconds: float) -> str:
    return (EARLIER + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def interaction(id_: str, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": at(0), "type": "interaction", "id": id_, "query": "hi"} | fields


def feedback(id_: str, interaction_: str, seconds: float, rating: str, **fields: Any) -> dict[str, Any]:
    about = {"interaction": interaction_, "rating": rating}
    return {"@timestamp": at(seconds), "type": "feedback", "id": id_} | about | fields


@pytest.fixture(scope="module")
def key(es: Elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    secrets = tmp_path_factory.mktemp("secrets")
    apply(es, dict(generate(Catalogue(Framework(), ()))), secrets, retentions(Framework()), datetime.now(UTC).date())
    return secrets / "exporter-api-key"


@pytest.fixture
def client(key: Path, elasticsearch_server: run.Elasticsearch) -> Iterator[Elasticsearch]:
    with Elasticsearch(
        elasticsearch_server.url, api_key=key.read_text(), max_retries=0, retry_on_timeout=False, request_timeout=10
    ) as client:
        yield client


class Bench:
    """Runs exporters one after the other on the same folders, as after a restart."""

    def __init__(self, folder: Path, client: Elasticsearch, es: Elasticsearch, process: Process) -> None:
        self.folder, self.client, self.es, self.process = folder, client, es, process
        self.log = folder / "logs" / process.name / "a.jsonl"
        self.log.parent.mkdir(parents=True)

    def write(self, *records: dict[str, Any] | bytes) -> None:
        with self.log.open("ab") as log:
            log.writelines((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)

    def once(self) -> Exporter:
        with ExitStack() as stack:
            found = Catalogue(Framework(), (self.process,))
            folders = (self.folder / "logs", self.folder / "state")
            exporter = open_exporter(stack, found, *folders, self.client, threading.Event(), 0.0)
            exporter.pipeline.drain()
            return exporter

    def documents(self, family: str = "interactions") -> dict[str, dict[str, Any]]:
        self.es.indices.refresh(index="aiwatch-*")
        mine = {"term": {"process": self.process.name}}
        hits = self.es.search(index=f"aiwatch-{family}-*", query=mine, size=1000)["hits"]["hits"]
        return {hit["_id"].partition(":")[2]: hit["_source"] for hit in hits}


@pytest.fixture
def bench(tmp_path: Path, client: Elasticsearch, es: Elasticsearch, request: pytest.FixtureRequest) -> Bench:
    name = "bot-" + str(abs(hash(request.node.name)))[:12]
    return Bench(tmp_path, client, es, bot(name))


def test_odd_lines_are_stored_or_end_in_the_dead_letters_and_the_counts_agree(bench: Bench) -> None:
    good = [
        interaction("plain"),
        interaction("unicode", query="grüße \U0001f600 \u2028"),
        interaction("extra", channel={"a": [1, {"b": None}]}, n=10**30),
        interaction("reserved", process="evil", log="x", _id="y", feedback=3, _source=1),
        interaction("space") | {"@timestamp": at(0).replace("T", " ")},
        interaction("offset") | {"@timestamp": at(0).replace("Z", "+00:00")},
        interaction("long", query="x " * 200_000, intent="i" * 40_000),
        b"\xef\xbb\xbf" + json.dumps(interaction("bom")).encode() + b"\r",
        b"\0" * 100 + json.dumps(interaction("hole")).encode(),
        json.dumps(interaction("nan", score=float("nan"))).encode(),
        json.dumps(interaction("half", query="\ud83d")).encode(),
    ]
    refused = [
        interaction("twice") | {},  # its key stands twice, see below
        interaction("empty-key", **{"": 1}),
        interaction("far", cost=1e299, latency=1e200),
    ]
    twice = json.dumps(refused[0])[:-1].encode() + b',"query":"again"}'
    bench.write(*good, twice, *refused[1:], b"nonsense")
    exporter = bench.once()
    stored = bench.documents()
    names = {"plain", "unicode", "extra", "reserved", "space", "offset", "long", "bom", "hole", "nan", "half"}
    assert names <= stored.keys()
    counts = exporter.pipeline.counts
    assert counts.records == len(stored)
    assert counts.records + sum(counts.rejected.values()) == counts.lines == 15
    assert counts.rejected.keys() == {"not_json", "document_refused"}
    letters = list(read(bench.folder / "state"))
    assert {letter.reason for letter in letters} == {"not_json", "document_refused"}
    assert "twice" not in stored
    shown = exporter.exposition.render(openmetrics=False)
    name = bench.process.name
    assert f'aiwatch_records_total{{process="{name}",record="interaction"}} {counts.records}.0' in shown


def test_repeated_events_are_stored_and_counted_once_across_batches_and_restarts(bench: Bench) -> None:
    bench.write(interaction("a"), interaction("b"), interaction("a", query="again"))
    first = bench.once().pipeline.counts
    assert (first.records, first.duplicates) == (2, 1)
    bench.write(interaction("b", query="again"), interaction("c"))
    second = bench.once().pipeline.counts
    assert (second.records, second.duplicates) == (1, 1)
    assert {id_: document["query"] for id_, document in bench.documents().items()} == {"a": "hi", "b": "hi", "c": "hi"}


def test_what_was_stored_but_not_committed_is_counted_when_it_is_read_again(bench: Bench) -> None:
    bench.write(interaction("a"))
    bench.once()  # the stream is known to the checkpoint
    bench.write(interaction("b"), interaction("c"))
    saved = {path: path.read_bytes() for path in (bench.folder / "state").glob("checkpoint*")}
    assert bench.once().pipeline.counts.records == 2
    for path, content in saved.items():  # as after a kill before the commit
        path.write_bytes(content)
    again = bench.once().pipeline.counts
    assert (again.records, again.duplicates) == (2, 0)
    assert len(bench.documents()) == 3


def test_feedback_finds_its_interaction_whenever_it_comes_and_the_newest_stays(bench: Bench) -> None:
    bench.write(
        feedback("f0", "early", 10, "up", comment="thanks, I am a@example.org"),
        interaction("i1"),
        interaction("i2"),
        feedback("f1", "i1", 30, "down", comment="no"),
        feedback("f2", "i1", 20, "up"),
        *(feedback(f"orphan{number}", f"nobody{number}", 5, "up") for number in range(600)),
        feedback("f3", "i2", 40, "up"),
    )
    exporter = bench.once()
    assert exporter.pipeline.counts.by_process[bench.process.name] == {"interaction": 2, "feedback": 604}
    joined = {id_: document.get("feedback") for id_, document in bench.documents().items()}
    assert joined == {
        "i1": {"@timestamp": at(30), "rating": "down", "comment": "no"},
        "i2": {"@timestamp": at(40), "rating": "up", "comment": None},
    }
    bench.write(interaction("early"), feedback("f4", "i1", 25, "up"), feedback("f5", "i2", 50, "down"))
    bench.once()
    joined = {id_: document.get("feedback") for id_, document in bench.documents().items()}
    assert joined["early"] == {"@timestamp": at(10), "rating": "up", "comment": "thanks, I am [email]"}
    assert (joined["i1"]["rating"], joined["i2"]["rating"]) == ("down", "down")
    assert len(bench.documents("feedback")) == 606
    assert all(document["log"]["stream"] for document in bench.documents().values())


def test_feedback_is_not_given_up_while_the_shard_that_may_hold_its_interaction_is_not_there(bench: Bench) -> None:
    bench.write(interaction("another"))
    bench.once()
    index = "aiwatch-interactions-2026.01.01"
    without_a_shard(bench.es, index)
    old = Join("bot:f", "bot:q", {"@timestamp": at(0), "rating": "up"}, since=0.0)
    try:
        assert Joiner(bench.client).join([old], now=time.time()) == []
    finally:
        bench.es.indices.delete(index=index)
    assert Joiner(bench.client).join([old], now=time.time()) == ["bot:f"]


def test_dead_letters_are_stored_once_however_often_they_are_replayed(bench: Bench) -> None:
    nameless = {"@timestamp": at(0), "type": "interaction", "query": "hi", "confidence": 7}
    bench.write(interaction("a", confidence=2), nameless)
    bench.once()
    state = bench.folder / "state"
    text = (state / "dead-letters.ndjson").read_text()
    assert hand_over(state, read(state), datetime.now(UTC))[0] == 2
    assert bench.once().pipeline.counts.rejected == {"out_of_range": 2}  # nothing was mended
    mended = [
        json.loads(
            line.replace(r"\"confidence\": 2", r"\"confidence\": 0.2").replace(r"\"confidence\": 7", '\\"x\\": 7')
        )
        for line in text.splitlines()
    ]

    letters = [msgspec.convert(letter, DeadLetter) for letter in mended]
    assert hand_over(state, letters, datetime.now(UTC))[0] == 2
    first = bench.once().pipeline.counts
    assert (first.records, first.duplicates, first.rejected) == (2, 0, {})
    assert hand_over(state, letters, datetime.now(UTC))[0] == 2
    second = bench.once().pipeline.counts
    assert (second.records, second.duplicates, second.rejected) == (0, 2, {})
    assert len(bench.documents()) == 2


@pytest.fixture
def follow(tmp_path: Path, key: Path, elasticsearch_server: run.Elasticsearch) -> Iterator[Callable[[], Any]]:
    """Starts an exporter as a process; returns it and a function that reads a metric from its /metrics."""
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[subprocess.Popen[bytes], Callable[[str], float]]:
        errors = tmp_path / "stderr"
        program = [sys.executable, "-c", "from aiwatch.cli import main; main()", "export", "--listen=127.0.0.1:0"]
        folders = [f"--catalogue={tmp_path / 'catalogue'}", f"--logs={tmp_path / 'logs'}", f"--state={tmp_path / 'st'}"]
        target = [f"--elasticsearch={elasticsearch_server.url}", f"--api-key-file={key}"]
        with errors.open("wb") as stderr:
            process = subprocess.Popen([*program, *folders, *target], stderr=stderr)
        processes.append(process)
        wait_for(lambda: "metrics on http" in errors.read_text())
        url = errors.read_text().partition("metrics on ")[2].split()[0]

        def metric(series: str) -> float:
            text = urllib.request.urlopen(url, timeout=5).read().decode()
            found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(series)]
            return float(found[0]) if found else 0.0

        return process, metric

    yield start
    for process in processes:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def test_while_elasticsearch_is_down_the_lag_shows_and_nothing_is_lost(
    tmp_path: Path, es: Elasticsearch, elasticsearch_server: run.Elasticsearch, follow: Callable[[], Any]
) -> None:
    write_catalogue(tmp_path / "catalogue")
    log = tmp_path / "logs" / PROCESS / "chat.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(interaction("before")) + "\n")
    process, metric = follow()
    wait_for(lambda: metric("aiwatch_lines_read_total") == 1)
    assert (metric("aiwatch_up"), metric("aiwatch_lag_bytes"), metric("aiwatch_lag_seconds")) == (1, 0, 0)
    elasticsearch_server.stop()
    try:
        with log.open("a") as file:
            file.write(json.dumps(interaction("during")) + "\n")
        wait_for(lambda: metric("aiwatch_up") == 0)
        wait_for(lambda: metric("aiwatch_lag_seconds") > 1)
        assert metric("aiwatch_lag_bytes") > 50
        assert metric('aiwatch_sink_retries_total{reason="unreachable"}') >= 1
        assert metric("aiwatch_lines_read_total") == 1  # nothing is shown that was not delivered
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
        process, metric = follow()
        wait_for(lambda: metric("aiwatch_up") == 0)
    finally:
        elasticsearch_server.restart()
    wait_for(lambda: metric("aiwatch_lines_read_total") == 2)
    wait_for(lambda: metric("aiwatch_lag_bytes") == 0 and metric("aiwatch_up") == 1)
    es.indices.refresh(index="aiwatch-*")
    assert es.count(index="aiwatch-interactions-*", query={"term": {"process": PROCESS}})["count"] == 2
