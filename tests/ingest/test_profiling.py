"""The profiles of hours: counted once, committed with their batch, and written until the store has them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiwatch.catalogue.model import Process
from aiwatch.ingest import profile_writing as writing
from aiwatch.ingest.backfill import collect
from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import Commit
from aiwatch.ingest.contracts import Outcome, StoppedError
from aiwatch.ingest.core import with_core
from aiwatch.ingest.documents import Documents, address_of, body_of
from aiwatch.ingest.profile_writing import ProfileWriting
from aiwatch.ingest.profiling import VERSIONS, HeldProfile, ProfileBook
from aiwatch.ingest.sinks.ndjson import NdjsonSink
from aiwatch.profiles.document import ProfileDocument, profile_of
from aiwatch.profiles.profile import Profile
from bench.faults.scores import Scores, made_baseline
from tests.ingest.samples import NOW, block, catalogue, decoder, lines, prediction, process

FRAUD = replace(process("classifier", "fraud"), baseline=made_baseline("fraud"))
HOUR = NOW - timedelta(hours=1)


def score(number: int = 0, minutes: float = -55, version: str = "7", **fields: Any) -> dict[str, Any]:
    usual = {"id": f"p{number}", "model_version": version, "score": 0.5, "features": {"amount": 1, "country": "DE"}}
    return prediction(60 * minutes, **(usual | fields))


def stored(*records: Mapping[str, Any], of: Process = FRAUD) -> list[Any]:
    """Return lines as the exporter decodes them, by the core if it is there."""
    return [with_core(decoder(of), of, of.logs).decode(block(lines(*records)), NOW)]


def add(book: ProfileBook, *records: Mapping[str, Any], now: float = 0.0) -> list[HeldProfile]:
    prepared = book.prepare("fraud", stored(*records), now)
    book.publish(prepared)
    return prepared


def whole(*books: ProfileBook) -> Profile:
    """Return the sum of all parts in books."""
    first, *others = [profile_of(held.document) for book in books for held in book.held.values()]
    for other in others:
        first.merge(other)
    return first


def test_each_hour_and_version_has_a_profile() -> None:
    book = ProfileBook([FRAUD])
    add(book, score(1), score(2), score(3, version="8"), score(4, minutes=-5), score(5, minutes=-61))
    rows = {(key.model_version, key.start.hour): held.document.rows for key, held in book.held.items()}
    assert rows == {("7", 11): 3, ("8", 11): 1, ("7", 10): 1}
    assert {held.document.end - held.document.time for held in book.held.values()} == {timedelta(hours=1)}


def test_only_predictions_of_processes_with_a_baseline_are_profiled() -> None:
    assert ProfileBook([process("classifier", "fraud")]).prepare("fraud", stored(score()), 0.0) == []
    assert ProfileBook([FRAUD]).prepare("bot", stored(score()), 0.0) == []


def test_batches_give_what_one_batch_gives_and_so_does_another_exporters_part() -> None:
    records = [score(number, features={"amount": number % 12, "country": "FR"}) for number in range(60)]
    alone, one, other = ProfileBook([FRAUD]), ProfileBook([FRAUD]), ProfileBook([FRAUD])
    add(alone, *records)
    add(one, *records[:10])
    add(one, *records[10:25])
    add(other, *records[25:])
    assert whole(one, other) == whole(alone)
    parts = {held.document.part for book in (alone, one, other) for held in book.held.values()}
    assert len(parts) == 3


def test_what_the_checkpoint_holds_is_gone_on_with_and_what_was_forgotten_begins_a_new_part(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        checkpoint.commit(Commit(profiles=add(ProfileBook([FRAUD]), score(1))))
    with Checkpoint(tmp_path) as checkpoint:
        book = ProfileBook([FRAUD], checkpoint.image.profiles.values())
        (held,) = add(book, score(2))
        assert (held.document.rows, [held.document.part]) == (
            2,
            [each.document.part for each in checkpoint.image.profiles.values()],
        )
        checkpoint.commit(Commit(profiles=[held], forgotten_profiles=["another"]))
        checkpoint.commit(Commit(forgotten_profiles=[held.document.part]))
        assert checkpoint.image.profiles == {}
    before = whole(book)
    book.forget(list(book.held))
    (again,) = add(book, score(3))
    assert (again.document.rows, again.document.part != held.document.part) == (1, True)
    before.merge(profile_of(again.document))
    assert before.rows == 3


def test_another_baseline_begins_new_parts() -> None:
    book = ProfileBook([FRAUD])
    add(book, score(1))
    changed = replace(FRAUD, baseline=msgspec.structs.replace(made_baseline("fraud"), segments={}))
    later = ProfileBook([changed], book.held.values())
    (held,) = later.prepare("fraud", stored(score(2), of=changed), 0.0)
    later.publish([held])
    assert (held.document.rows, len(later.held)) == (1, 2)


def test_versions_beyond_the_bound_are_counted_together() -> None:
    book = ProfileBook([FRAUD])
    for number in range(VERSIONS + 5):
        add(book, score(number, version=f"v{number}"))
    add(book, score(99, version="v0"))
    rows = {key.model_version: held.document.rows for key, held in book.held.items()}
    assert len(rows) == VERSIONS + 1
    assert (rows["other"], rows["v0"], sum(rows.values())) == (5, 2, VERSIONS + 6)


def test_more_profiles_than_are_held_ready_are_exact_too() -> None:
    book = ProfileBook([FRAUD])
    for _ in range(2):
        add(book, *(score(number, minutes=-60 * number) for number in range(50)))
    assert [held.document.rows for held in book.held.values()] == [2] * 50
    assert whole(book).features["amount"].seen == 100


# -- on their way to the store ------------------------------------------------------------------------------


class Store:
    """A sink that can be held up, fail, or refuse."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.sent: list[tuple[str, int | None]] = []
        self.error: Exception | None = None
        self.refuse: set[str] = set()

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        assert self.open.wait(10)
        if self.error is not None:
            raise self.error
        addresses = [address_of(document) for document in documents]
        self.sent += [(address.id, address.version) for address in addresses]
        refused = [place for place, address in enumerate(addresses) if address.id in self.refuse]
        return dict.fromkeys(refused, Outcome("refused", "mapper: no"))


@pytest.fixture
def book() -> ProfileBook:
    return ProfileBook([FRAUD])


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.open.set()


def ids(held: Iterable[HeldProfile]) -> set[tuple[str, int | None]]:
    return {(each.document.id, each.document.rows) for each in held}


def test_what_changed_is_written_whole_and_no_more_often_than_every_few_seconds(
    book: ProfileBook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = ProfileWriting(book, store)
    first = add(book, score(1))
    written.step(0.0)
    second = add(book, score(2))
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        written.step(0.0)
    assert (set(store.sent), written.unwritten) == (ids(first), 1)
    monkeypatch.setattr(time, "monotonic", lambda: until + 60)
    written.step(0.0)
    written.finish(None)
    assert (set(store.sent), written.unwritten) == (ids(first) | ids(second), 0)


def test_while_the_store_cannot_be_reached_they_wait_and_hold_up_nobody(book: ProfileBook, store: Store) -> None:
    store.open.clear()
    written = ProfileWriting(book, store)
    add(book, score(1))
    assert [written.step(0.0) for _ in range(50)] == [[]] * 50
    latest = add(book, score(2))
    assert (written.unwritten, written.behind, store.sent) == (1, False, [])
    store.open.set()
    written.finish(None)
    assert store.sent[-1] in ids(latest)


def test_memory_is_bounded_by_letting_reading_wait(
    book: ProfileBook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_MOST_UNWRITTEN", 3)
    store.open.clear()
    written = ProfileWriting(book, store)
    add(book, *(score(number, minutes=-60 * number) for number in range(4)))
    assert written.behind
    store.open.set()
    written.finish(None)
    assert not written.behind


def test_one_that_is_done_with_is_told_once_the_store_has_it(
    book: ProfileBook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_EVERY_SECONDS", 0.0)
    written = ProfileWriting(book, store)
    store.open.clear()
    add(book, score(1), now=0.0)
    add(book, score(2, minutes=-200), now=47 * 3600.0)
    late = 49 * 3600.0
    assert written.step(late) == []
    store.open.set()
    written.finish(None)
    (key,) = written.step(late)
    assert key.start == HOUR
    written.forget([key])
    assert len(book.held) == 1
    monkeypatch.setattr(writing, "_MOST_KEPT", 0)
    assert len(written.step(late)) == 1


def test_what_the_store_refuses_is_said_and_not_sent_for_ever(
    book: ProfileBook, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (held,) = add(book, score(1))
    store.refuse = {held.document.id}
    written = ProfileWriting(book, store)
    written.finish(None)
    assert written.unwritten == 0
    assert "is refused: mapper: no" in caplog.text


def test_a_stop_does_not_wait_for_a_store_that_does_not_answer(book: ProfileBook, store: Store) -> None:
    written = ProfileWriting(book, store)
    add(book, score(1))
    store.open.clear()
    written.finish(0.05)
    assert written.unwritten == 1
    store.error = StoppedError()
    store.open.set()
    with pytest.raises(StoppedError):
        written.finish(5.0)


def test_a_document_says_what_one_looks_for(book: ProfileBook) -> None:
    (held,) = add(book, score(1), score(2))
    document = writing.as_rewrite(held.document)
    address = address_of(document)
    assert (address.index, address.version) == (f"aiwatch-profiles-{HOUR:%Y.%m.%d}", 2)
    body = json.loads(body_of(document))
    assert body.keys() == {"@timestamp", "end", "process", "model_version", "baseline", "rows", "part", "packed"}
    assert (body["@timestamp"], body["rows"], body["model_version"]) == ("2026-03-04T11:00:00Z", 2, "7")
    assert profile_of(msgspec.json.decode(body_of(document), type=ProfileDocument)).rows == 2


def test_in_a_file_every_version_is_a_line_and_none_is_there_twice(tmp_path: Path, book: ProfileBook) -> None:
    path = tmp_path / "documents.ndjson"
    early = Documents.of([writing.as_rewrite(held.document) for held in add(book, score(1))])
    late = Documents.of([writing.as_rewrite(held.document) for held in add(book, score(2))])
    for documents in (early, late, early, late):  # an exporter that was killed writes again what it wrote
        with closing(NdjsonSink(path)) as sink:
            assert sink.send(documents) == {}
    assert [json.loads(line)["version"] for line in path.read_bytes().splitlines()] == [1, 2]


# -- old logs -------------------------------------------------------------------------------------------------


def test_a_backfill_makes_the_same_profiles_however_often_it_runs(tmp_path: Path) -> None:
    scores = Scores("fraud", seed=3)
    folder = tmp_path / "logs" / "fraud"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(scores.make(3000))
    (folder / "b.jsonl").write_bytes(scores.make(2000))
    path = tmp_path / "documents.ndjson"
    found: list[set[str]] = []
    for _ in range(2):
        with closing(NdjsonSink(path)) as sink:
            collect(catalogue(FRAUD), tmp_path / "logs", sink, datetime.now(UTC))
        documents = [json.loads(line) for line in path.read_bytes().splitlines()]
        profiles = [each for each in documents if "version" in each]
        found.append({each["_id"] for each in profiles})
        assert scores.differences(profiles) == []
    assert found[0] == found[1]
    assert len(found[0]) > len(scores.profiles)  # an hour that both files have lines of has a part of each
