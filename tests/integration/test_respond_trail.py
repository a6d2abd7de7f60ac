"""What a trail promises, kept by each of them: in memory, and in a real Elasticsearch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from uuid import uuid4

import msgspec
import pytest
from elasticsearch import Elasticsearch

from aiwatch.profiles.result import result_index
from aiwatch.respond.elasticsearch_reports import ElasticsearchReports
from aiwatch.respond.elasticsearch_trail import ElasticsearchTrail
from aiwatch.respond.elasticsearch_windows import ElasticsearchWindows
from aiwatch.respond.journal import Journal
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.review import Review
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import (
    Dropped,
    Entry,
    Failed,
    Joined,
    Opened,
    Quarantined,
    Resumed,
    Started,
    Succeeded,
    Trail,
)
from aiwatch.respond.trail import Window as W
from tests.respond.rig import START, hour
from tests.respond.test_report_routes import RESULT

HEAD = {"time": START, "process": "card-fraud", "case": 1}
ENTRIES: list[Callable[[int], Entry]] = [
    lambda n: Opened(**HEAD, number=n, alert_since=START, steps=("quarantine", "mlflow"), pauses=True),
    lambda n: Joined(**HEAD, number=n, alert_since=START),
    lambda n: Quarantined(**HEAD, number=n, windows=(W(START, hour(1), "7"), W(hour(2), None, None))),
    lambda n: Started(**HEAD, number=n, step="mlflow", action="pause", memo={"version": "3", "a.b": ""}),
    lambda n: Succeeded(**HEAD, number=n, step="mlflow", action="pause", detail="é\n'\""),
    lambda n: Failed(**HEAD, number=n, step="mlflow", action="resume", detail="x" * 40_000),
    lambda n: Dropped(**HEAD, number=n, step="mlflow", action="resume", detail=""),
    lambda n: Resumed(**HEAD, number=n, by="Ada", reason="mended", release=False),
]


@pytest.fixture
def index(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an index of this test's own, removed afterwards."""
    es: Elasticsearch = request.getfixturevalue("es")
    name = f"aiwatch-responses-test-{uuid4().hex[:8]}"
    yield name
    es.options(ignore_status=404).indices.delete(index=name)


@pytest.fixture(params=["memory", "elasticsearch"])
def trail(request: pytest.FixtureRequest) -> Trail:
    if request.param == "memory":
        return MemoryTrail()
    return ElasticsearchTrail(request.getfixturevalue("es"), request.getfixturevalue("index"))


def test_a_trail_that_nobody_wrote_is_empty(trail: Trail) -> None:
    assert list(trail.read({})) == list(trail.read({"card-fraud": 0, "other": 7})) == []


def test_every_sort_of_entry_comes_back_as_it_was(trail: Trail) -> None:
    written = [make(number) for number, make in enumerate(ENTRIES, 1)]
    assert all(trail.create(entry) for entry in written)
    assert list(trail.read({"card-fraud": 0})) == written
    assert list(trail.read({"card-fraud": 5})) == written[5:]


def test_a_number_is_taken_once(trail: Trail) -> None:
    first, second = ENTRIES[0](1), ENTRIES[1](1)
    assert (trail.create(first), trail.create(second), trail.create(first)) == (True, False, False)
    assert list(trail.read({"card-fraud": 0})) == [first]


def test_several_long_trails_are_read_at_once_each_in_its_order(trail: Trail) -> None:
    def joined(process: str, number: int) -> Entry:
        return Joined(time=START, process=process, number=number, case=1, alert_since=hour(number))

    lengths = {"a": 402, "b": 1, "c": 0, "d": 201}
    for process, length in lengths.items():
        for number in range(1, length + 1):
            assert trail.create(joined(process, number))
    found: dict[str, list[int]] = {process: [] for process in lengths}
    for entry in trail.read(dict.fromkeys(lengths, 0)):
        found[entry.process].append(entry.number)
    assert found == {process: list(range(1, length + 1)) for process, length in lengths.items()}


def test_writers_at_once_leave_no_gap_and_lose_nothing(trail: Trail) -> None:
    failures: list[StoreError] = []

    def write(thread: int) -> None:
        journal = Journal(trail)

        def join(review: Review) -> Entry:
            since = hour(thread)
            return Joined(time=START, process="card-fraud", number=review.number + 1, case=1, alert_since=since)

        for _ in range(10):
            try:
                journal.append("card-fraud", join)
            except StoreError as error:  # the others were quicker, five times running
                failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = trail.read({"card-fraud": 0})
    assert [entry.number for entry in entries] == list(range(1, 31 - len(failures)))


def test_an_entry_that_no_version_wrote_is_named(es: Elasticsearch, index: str) -> None:
    es.create(index=index, id="card-fraud:000001", document={"event": "danced"})
    with pytest.raises(
        StoreError, match=rf"{index}: entry card-fraud:000001 is none that this version writes: .*danced"
    ):
        ElasticsearchTrail(es, index).read({"card-fraud": 0})


def test_an_entry_that_elasticsearch_refuses_is_told(es: Elasticsearch, index: str) -> None:
    es.indices.create(index=index, mappings={"properties": {"number": {"type": "ip"}}})
    with pytest.raises(StoreError, match=rf"{index}: Elasticsearch: .*number"):
        ElasticsearchTrail(es, index).create(ENTRIES[0](1))


def test_a_report_is_read_back_whole_whatever_else_its_document_holds(es: Elasticsearch) -> None:
    index = result_index(RESULT.id)
    es.options(ignore_status=404).indices.delete(index=index)
    reports = ElasticsearchReports(es)
    assert reports.find(RESULT.id) is None
    es.index(index=index, id=RESULT.id, document={**msgspec.to_builtins(RESULT), "memory": "AAAA"})
    assert reports.find(RESULT.id) == RESULT
    assert reports.find("card-fraud:20260301T0800Z") is None
    assert reports.find("card-fraud:no-time") is None
    es.index(index=index, id="card-fraud:20260301T0900Z", document={"process": "card-fraud"})
    with pytest.raises(StoreError, match="missing required field"):
        reports.find("card-fraud:20260301T0900Z")


def test_results_are_found_by_process_and_oldest_first_and_one_that_is_none_is_told(
    es: Elasticsearch, index: str
) -> None:
    keyword, date = {"type": "keyword"}, {"type": "date"}
    es.indices.create(index=index, mappings={"properties": {"process": keyword, "@timestamp": date}})
    windows = ElasticsearchWindows(es, index)
    assert windows.find("card-fraud", START) == []
    for number, process in ((1, "card-fraud"), (-1, "card-fraud"), (0, "other"), (-31 * 24, "card-fraud")):
        document = {"@timestamp": hour(number), "end": hour(number + 1), "process": process, "state": "ok"}
        finding = {"feature": "amount", "drifted": True, "since": hour(-2), "p_value": 0.1}
        es.index(index=index, document={**document, "findings": [finding], "report": {"much": "more"}}, refresh=True)
    found = windows.find("card-fraud", START)
    assert [(each.start, each.since) for each in found] == [(hour(-1), hour(-2)), (hour(1), hour(-2))]
    es.index(index=index, document={"@timestamp": START, "process": "card-fraud"}, refresh=True)
    with pytest.raises(StoreError, match="missing required field"):
        windows.find("card-fraud", START)
