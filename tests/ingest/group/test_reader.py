from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiwatch.ingest.commit import CheckpointError, CheckpointStore
from aiwatch.ingest.contracts import Sink
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.group.contracts import ShareStore
from aiwatch.ingest.group.lags import LagBook
from aiwatch.ingest.group.reader import Extent, Kit, Reader
from aiwatch.ingest.group.share import Share
from aiwatch.ingest.group.shared_sink import SharedSink
from aiwatch.ingest.group.sqlite_store import SqliteShareStore
from aiwatch.ingest.self_metrics import SelfMetrics
from aiwatch.ingest.sinks.ndjson import NdjsonSink
from aiwatch.ingest.state import MetricState
from tests.ingest.samples import feedback, interaction, process

BOT = process(logs=[{"source": "kafka", "topic": "chats", "record": "interaction"}])
SHARE = Share("bot", "chats", 0)
MESSAGES = [json.dumps(interaction(number, id=f"e{number}", outcome="answered")).encode() for number in range(-90, 0)]

OpenReader = Callable[..., Reader]


def new_state(of: Any, checkpoint: CheckpointStore) -> MetricState:
    state = MetricState(all_metrics())
    state.restore(checkpoint.image.series.items(), {of.name}, checkpoint.image.shown_until, time.time())
    return state


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    ndjson = NdjsonSink(tmp_path / "documents.ndjson")
    yield SharedSink(ndjson)
    ndjson.close()


@pytest.fixture
def open_reader(tmp_path: Path, sink: Sink) -> OpenReader:
    def open_(low: int, high: int, known: bool = False) -> Reader:
        store: ShareStore = SqliteShareStore(tmp_path, "aiwatch")
        metrics = SelfMetrics()
        kit = Kit(store, new_state, lambda stop: sink, None, metrics, LagBook(metrics), 1, 0.0)
        return Reader(kit, BOT, BOT.logs, SHARE, Extent(low, high, known))

    return open_


def read(reader: Reader, messages: list[tuple[int, bytes | None]]) -> str:
    """Let it read messages to the end, and return the metrics that it shows then."""
    reader.start()
    reader.source.put(messages)
    until = time.monotonic() + 20
    while not reader.finished:
        assert reader.failure is None, reader.failure
        assert time.monotonic() < until
        time.sleep(0.02)
    reader.stop()
    reader.wait(10)
    return reader.exposition.render(openmetrics=False)


def test_another_reader_goes_on_where_the_first_had_committed(open_reader: OpenReader, tmp_path: Path) -> None:
    numbered = list(enumerate(MESSAGES))
    shown = read(open_reader(0, 60), numbered[:60])
    assert 'aiwatch_records_total{process="bot",record="interaction",partition="chats/0"} 60.0' in shown
    shown = read(open_reader(0, 90, known=True), numbered[40:])  # twenty are delivered again
    assert 'aiwatch_records_total{process="bot",record="interaction",partition="chats/0"} 90.0' in shown
    assert 'aiwatch_lines_read_total{process="bot",partition="chats/0"} 90.0' in shown
    documents = [json.loads(line) for line in (tmp_path / "documents.ndjson").read_bytes().splitlines()]
    assert [document["log"] for document in documents[:2]] == [
        {"stream": "kafka:chats/0", "offset": offset} for offset in (0, 1)
    ]
    assert len(documents) == 90


def test_a_partition_that_kafka_has_shortened_is_read_from_what_is_left_and_that_is_told(
    open_reader: OpenReader, caplog: pytest.LogCaptureFixture
) -> None:
    read(open_reader(0, 3), list(enumerate(MESSAGES[:3])))
    with caplog.at_level(logging.ERROR):
        reader = open_reader(10, 20)
    assert "7 messages were deleted from Kafka before they were read (offsets 3 to 9)" in caplog.text
    assert reader.source.committed_offset == 10
    reader.close()


def test_a_partition_that_ends_before_what_was_read_is_refused(open_reader: OpenReader) -> None:
    read(open_reader(0, 3), list(enumerate(MESSAGES[:3])))
    with pytest.raises(CheckpointError, match="was read up to offset 3, but ends at 2: was the topic made anew"):
        open_reader(0, 2)
    open_reader(0, 3).close()  # and nothing is held any more


def test_what_the_group_has_read_is_not_read_again_because_the_state_is_gone(open_reader: OpenReader) -> None:
    with pytest.raises(CheckpointError, match="nothing of its state is here"):
        open_reader(0, 3, known=True)


def test_a_failure_is_kept_and_the_share_is_given_back(open_reader: OpenReader, sink: SharedSink) -> None:
    def fail(documents: Any) -> Any:
        raise RuntimeError("a mistake")

    reader = open_reader(0, 1)
    sink.send = fail  # type: ignore[method-assign]
    reader.start()
    reader.source.put([(0, MESSAGES[0])])
    reader.wait(10)
    assert isinstance(reader.failure, RuntimeError)
    assert not reader.finished
    open_reader(0, 1).close()


def test_a_rejected_message_is_a_dead_letter_with_its_place(open_reader: OpenReader, tmp_path: Path) -> None:
    read(open_reader(5, 8), [(5, MESSAGES[0]), (6, b"{"), (7, json.dumps(feedback()).encode())])
    (file,) = (tmp_path / "kafka").rglob("dead-letters.ndjson")
    letters = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert letters[0]["path"] == "chats/0"
    assert (letters[0]["stream"], letters[0]["offset"]) == ("kafka:chats/0", 6)


def test_a_shared_sink_takes_one_batch_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []

    class Slow:
        def send(self, documents: Any) -> dict[int, Any]:
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()
            return {}

    shared = SharedSink(Slow())
    threads = [threading.Thread(target=shared.send, args=([],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
