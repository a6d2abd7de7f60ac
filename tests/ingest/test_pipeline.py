"""The runner: what is committed when, and what it does when a part fails."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiwatch.ingest import pipeline as running
from aiwatch.ingest.batch import Feed
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import Commit
from aiwatch.ingest.contracts import Block, Outcome, Position, Source, StoppedError
from aiwatch.ingest.dead_letters import DeadLetters, read
from aiwatch.ingest.documents import Documents, address_of
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.pipeline import Pipeline
from aiwatch.ingest.profiling import ProfileBook
from aiwatch.ingest.self_metrics import SelfMetrics
from aiwatch.ingest.sources.spool import Spool
from aiwatch.ingest.state import MetricState
from tests.ingest.samples import block, decoder, interaction, lines, process


class Blocks:
    """A source that gives out prepared blocks."""

    def __init__(self, *blocks: Block) -> None:
        self.blocks = list(blocks)
        self.gone: list[str] = []

    def read(self, limit: int) -> Block | None:
        return self.blocks.pop(0) if self.blocks else None

    def committed(self, position: Position) -> None:
        pass

    def lag_bytes(self) -> int:
        return sum(len(each.data) for each in self.blocks)

    def problems(self) -> dict[str, str]:
        return {"/logs": "gone"}

    def forgotten(self) -> tuple[str, ...]:
        gone, self.gone = tuple(self.gone), []
        return gone

    def close(self) -> None:
        self.blocks.clear()


class Store:
    """A sink in memory, which can be held up, made to fail, or told what to answer."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.sent: list[str] = []
        self.outcomes: dict[str, Outcome] = {}  # of documents, by id
        self.error: Exception | None = None
        self.pause = 0.0  # seconds that a delivery takes

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        assert self.open.wait(10)
        time.sleep(self.pause)
        if self.error is not None:
            raise self.error
        ids = [address_of(document).id for document in documents]
        self.sent += ids
        return {place: self.outcomes[id_] for place, id_ in enumerate(ids) if id_ in self.outcomes}


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = Checkpoint(folder)
        self.store = Store()
        self.stop = threading.Event()
        self.state = MetricState(all_metrics())
        self.state.restore(self.checkpoint.image.series.items(), {"bot"}, self.checkpoint.image.shown_until, 1.0)
        self.metrics = SelfMetrics()

    def pipeline(self, *sources: Source, **settings: Any) -> Pipeline:
        letters = DeadLetters(self.folder, self.checkpoint.image.dead_letter_bytes)
        feeds = [Feed(process(), source, decoder()) for source in sources]
        return Pipeline(
            feeds,
            self.store,
            self.checkpoint,
            self.state,
            letters,
            None,
            ProfileBook([], self.checkpoint.image.profiles.values()),
            self.metrics,
            self.stop,
            **settings,
        )

    def positions(self) -> dict[str, int]:
        return {each.stream: each.offset for each in self.checkpoint.image.positions_of("bot:bot/*.jsonl")}

    def value(self, name: str, *labels: str) -> float:
        held = self.state.series.get((name, ("bot", *labels)))
        return 0 if held is None else held.value

    def shown(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"process": "bot"} if "lag" in name else None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.open.set()
    bench.checkpoint.close()


def announcement(stream: str, offset: int, path: str = "/logs/bot/a.jsonl") -> Block:
    return Block(stream, offset, b"", Position(stream, "bot:bot/*.jsonl", path, 1, 2, "", 0, offset))


def test_a_batch_is_stored_counted_and_committed(bench: Bench) -> None:
    data = lines(interaction(id="a"), b"nonsense", interaction(id="b"))
    pipeline = bench.pipeline(Blocks(announcement("5a", 0), block(data)))
    pipeline.drain()
    assert bench.store.sent == ["bot:a", "bot:b"]
    assert bench.positions() == {"5a": len(data)}
    assert (bench.value("aiwatch_lines_read_total"), bench.value("aiwatch_records_total", "interaction")) == (3, 2)
    assert bench.value("aiwatch_records_rejected_total", "not_json") == 1
    assert [letter.line for letter in read(bench.folder)] == ["nonsense"]
    assert bench.checkpoint.image.series.keys() >= {("aiwatch_lines_read_total", ("bot",))}
    assert (pipeline.counts.lines, pipeline.counts.records, pipeline.counts.rejected) == (3, 2, {"not_json": 1})


def test_repeated_and_refused_documents_are_not_counted_as_records(bench: Bench) -> None:
    bench.store.outcomes = {"bot:a": Outcome("duplicate"), "bot:b": Outcome("refused", "mapper: no")}
    bench.pipeline(Blocks(block(lines(*(interaction(id=each) for each in "abc"))))).drain()
    assert bench.value("aiwatch_records_total", "interaction") == 1
    assert bench.value("aiwatch_records_duplicate_total") == 1
    assert bench.value("aiwatch_records_rejected_total", "document_refused") == 1
    (letter,) = read(bench.folder)
    assert (letter.detail, '"id": "b"' in letter.line) == ("mapper: no", True)


def test_however_slow_the_store_is_all_that_the_log_holds_is_delivered_before_it_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BATCH_BYTES", running.BLOCK_BYTES)
    monkeypatch.setattr(running, "_POLL_SECONDS", 0.01)
    bench.store.pause = 0.03
    source = Blocks(*(block(lines(interaction(id=f"{n}")), stream=f"{n}") for n in range(5)))
    bench.pipeline(source, connections=1).drain()
    assert bench.value("aiwatch_records_total", "interaction") == 5


def test_nothing_is_committed_or_shown_before_its_documents_are_stored(bench: Bench) -> None:
    bench.store.open.clear()
    pipeline = bench.pipeline(Blocks(block(lines(interaction(id="a")))))
    for _ in range(3):
        assert pipeline._step()
    assert bench.positions() == {}
    assert bench.value("aiwatch_lines_read_total") == 0
    assert bench.shown("aiwatch_lag_bytes") > 0  # type: ignore[operator]
    bench.store.open.set()
    pipeline.drain()
    assert bench.positions() != {}
    assert bench.shown("aiwatch_lag_bytes") == 0


def test_reading_stops_while_too_many_batches_are_on_their_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BATCH_BYTES", running.BLOCK_BYTES)
    bench.store.open.clear()
    source = Blocks(*(block(lines(interaction()), stream=f"{n}") for n in range(10)))
    pipeline = bench.pipeline(source, connections=2)
    for _ in range(5):
        pipeline._step()
    assert len(source.blocks) == 7


def test_a_position_that_brings_no_lines_never_overtakes_lines_on_their_way(bench: Bench) -> None:
    bench.store.open.clear()
    data = lines(interaction(id="a"))
    source = Blocks(announcement("5a", 0), block(data), announcement("5a", len(data), "/logs/bot/a.jsonl.1"))
    pipeline = bench.pipeline(source)
    for _ in range(3):
        pipeline._step()
    assert source.blocks == []
    assert bench.positions() == {"5a": 0}
    bench.store.open.set()
    pipeline.drain()
    (position,) = bench.checkpoint.image.positions_of("bot:bot/*.jsonl")
    assert (position.offset, position.path) == (len(data), "/logs/bot/a.jsonl.1")


def test_positions_of_streams_that_are_gone_for_good_are_dropped(bench: Bench) -> None:
    source = Blocks(announcement("5a", 0), announcement("5b", 0))
    pipeline = bench.pipeline(source)
    pipeline.drain()
    source.gone = ["5a"]
    pipeline.drain()
    assert bench.positions() == {"5b": 0}
    assert pipeline.problems() == {"/logs": "gone"}


def test_what_arrives_is_read_at_once_and_not_at_the_next_look(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_POLL_SECONDS", 60.0)
    arrived = threading.Event()
    spool = Spool("bot:bot/*.jsonl", bench.folder / "spool", [], on_arrival=arrived.set)
    thread = threading.Thread(target=bench.pipeline(spool, arrived=arrived).run)
    thread.start()
    try:
        for number in range(3):
            spool.append(lines(interaction(id=str(number)))).result(10)
    finally:
        bench.stop.set()
        arrived.set()
        thread.join()
        spool.close()
    assert len(bench.store.sent) == 3


def test_an_error_in_the_sink_ends_the_run_and_commits_nothing(bench: Bench) -> None:
    bench.store.error = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        bench.pipeline(Blocks(block(lines(interaction())))).run()
    assert bench.positions() == {}


def test_an_error_in_decoding_ends_the_run_and_commits_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = bench.pipeline(Blocks(block(lines(interaction()))))
    monkeypatch.setattr(running, "settle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.run()
    assert bench.positions() == {}
    assert bench.value("aiwatch_lines_read_total") == 0


class Faulty(Checkpoint):
    """A checkpoint on a disk that is full for a while."""

    failures = 0

    def commit(self, commit: Commit) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super().commit(commit)


def test_while_the_disk_is_full_a_batch_waits_and_is_then_counted_once(bench: Bench) -> None:
    bench.checkpoint.close()
    faulty = bench.checkpoint = Faulty(bench.folder)
    pipeline = bench.pipeline(Blocks(block(lines(interaction(), b"nonsense"))))
    faulty.failures = 1
    pipeline.drain()
    assert bench.value("aiwatch_lines_read_total") == 2
    assert len(list(read(bench.folder))) == 1
    retried = bench.metrics.registry.get_sample_value("aiwatch_sink_retries_total", {"reason": "commit"})
    assert (retried, bench.shown("aiwatch_up")) == (1, 1)


def test_told_to_stop_while_the_disk_is_full_it_stops(bench: Bench) -> None:
    bench.checkpoint.close()
    faulty = bench.checkpoint = Faulty(bench.folder)
    faulty.failures = 10**6
    pipeline = bench.pipeline(Blocks(block(lines(interaction()))))
    threading.Timer(0.3, bench.stop.set).start()
    with pytest.raises(StoppedError):
        pipeline.run()


def test_told_to_stop_it_does_not_wait_for_a_sink_that_hangs(bench: Bench) -> None:
    bench.store.open.clear()
    pipeline = bench.pipeline(Blocks(block(lines(interaction()))))
    threading.Timer(0.2, bench.stop.set).start()
    pipeline.run()
    pipeline.close()
    assert bench.positions() == {}


def test_sessions_go_on_across_batches_and_restarts(bench: Bench) -> None:
    first = lines(interaction(0, session="s"), interaction(60, session="s"))
    bench.pipeline(Blocks(block(first))).drain()
    bench.checkpoint.close()
    again = Bench(bench.folder)
    later = lines(interaction(600, session="s"), interaction(600 + 1801, session="s"), interaction(0, session="t"))
    again.pipeline(Blocks(block(later, start=len(first)))).drain()
    assert again.value("ai_sessions_total") == 3
    again.checkpoint.close()


def test_sessions_that_ended_long_ago_are_forgotten_when_there_are_very_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_MANY_SESSIONS", 3)
    monkeypatch.setattr(running, "BATCH_BYTES", running.BLOCK_BYTES)
    hours = [
        block(lines(*(interaction(3600 * h, session=f"{h}-{n}") for n in range(3))), str(h)) for h in range(-14, 0)
    ]
    bench.pipeline(Blocks(*hours)).drain()
    assert bench.value("ai_sessions_total") == 42
    assert 0 < len(bench.checkpoint.image.sessions["bot"]) < 42


def test_a_new_series_is_shown_as_zero_until_that_it_is_shown_is_committed(bench: Bench) -> None:
    pipeline = bench.pipeline(Blocks(block(lines(interaction()))), zero_seconds=0.2)
    pipeline._step()
    while pipeline._step():
        pass
    assert bench.state.young
    assert bench.checkpoint.image.shown_until == 0
    pipeline._mature_at = 0.0
    threading.Event().wait(0.25)
    pipeline._step()
    assert not bench.state.young
    assert bench.checkpoint.image.shown_until > 1e9


def test_lines_of_several_feeds_share_a_batch_and_keep_their_outcomes(bench: Bench) -> None:
    bench.store.outcomes = {"bot:b": Outcome("refused", "no")}
    sources = [Blocks(block(lines(interaction(id=each)), stream=each)) for each in "abc"]
    bench.pipeline(*sources).drain()
    assert sorted(bench.positions()) == ["a", "b", "c"]
    (letter,) = read(bench.folder)
    assert (letter.stream, msgspec.json.decode(letter.line)["id"]) == ("b", "b")
