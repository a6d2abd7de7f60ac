"""The logging library as an application sees it: a whole line or a counted drop, never an error."""

from __future__ import annotations

import enum
import json
import logging
import multiprocessing
import os
import re
import resource
import shutil
import sys
import threading
from collections import UserDict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwatch.instrument import MAX_RECORD_BYTES, ChatLog, PredictionLog

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def read(*paths: Path) -> list[dict[str, Any]]:
    """Return the records in ``paths``; fail on anything but whole JSON lines and empty ones."""
    records = []
    for path in paths:
        content = path.read_bytes()
        assert content == b"" or content.endswith(b"\n")
        records += [json.loads(line, parse_constant=pytest.fail) for line in content.splitlines() if line]
    return records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "bot" / "events.jsonl"


def test_an_interaction_has_its_keys_in_order_and_leaves_out_what_is_absent(path: Path) -> None:
    log = ChatLog(path, model="intents", model_version="7")
    log.interaction(
        query="hi", response="hello", intent="greeting", confidence=0.9, latency=0.02, session="s", user="u",
        input_tokens=3, output_tokens=4, cost=0.001, outcome="handoff", trace_id="t", id="a", time=1.5,
    )  # fmt: skip
    log.interaction(query="ho", id="b", time=2)
    assert path.read_text() == (
        '{"@timestamp":"1970-01-01T00:00:01.500Z","type":"interaction","id":"a","session":"s","user":"u","query":"hi",'
        '"response":"hello","intent":"greeting","confidence":0.9,"latency":0.02,"model":"intents","model_version":"7",'
        '"input_tokens":3,"output_tokens":4,"cost":0.001,"outcome":"handoff","trace_id":"t"}\n'
        '{"@timestamp":"1970-01-01T00:00:02.000Z","type":"interaction","id":"b","query":"ho","model":"intents",'
        '"model_version":"7","outcome":"answered"}\n'
    )


def test_feedback_from_another_log_object_names_the_interaction_it_is_about(path: Path) -> None:
    event = ChatLog(path).interaction(query="hi")
    ChatLog(path).feedback(interaction=event, rating="down", comment="no")
    _, feedback = read(path)
    assert list(feedback) == ["@timestamp", "type", "id", "interaction", "rating", "comment"]
    assert (feedback["interaction"], feedback["rating"], feedback["comment"]) == (event, "down", "no")


def test_a_prediction_keeps_missing_features_and_names_the_error_when_none_came_out(path: Path) -> None:
    log = PredictionLog(path, model="fraud", model_version="3")
    log.prediction(features={"amount": 12.5, "age": None, "ratio": float("nan")}, score=0.2, decision="approve")
    log.prediction(features={}, error=TimeoutError("no answer in 2 s"), model_version="4")
    scored, failed = read(path)
    assert scored["features"] == {"amount": 12.5, "age": None, "ratio": None}
    assert list(scored) == [
        "@timestamp",
        "type",
        "id",
        "model",
        "model_version",
        "features",
        "score",
        "decision",
    ]
    assert (failed["error"], failed["model_version"]) == ("TimeoutError: no answer in 2 s", "4")


def test_the_time_is_now_in_utc_with_milliseconds_unless_given(path: Path) -> None:
    log = ChatLog(path)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    log.interaction(query="now")
    log.interaction(query="aware", time=datetime(2026, 1, 2, 3, 4, 5, 678_900, timezone(timedelta(hours=2))))
    log.interaction(query="epoch", time=1_767_323_045.123)
    log.interaction(query="numpy", time=numpy.float64(1_767_323_045.123))
    now, aware, epoch, scalar = (record["@timestamp"] for record in read(path))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now)
    assert before <= datetime.fromisoformat(now) <= datetime.now(UTC)
    assert aware == "2026-01-02T01:04:05.678Z"
    assert epoch == scalar == "2026-01-02T03:04:05.123Z"


def test_a_time_that_is_none_is_written_as_given_for_the_exporter_to_refuse(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = ChatLog(path)
    log.interaction(query="naive", time=datetime(2026, 1, 2, 3, 4, 5))
    log.interaction(query="text", time="yesterday")  # type: ignore[arg-type]
    log.interaction(query="too late", time=1e300)
    assert [record["@timestamp"] for record in read(path)] == ["2026-01-02T03:04:05", "yesterday", 1e300]
    assert len(caplog.records) == 1, "one warning a minute"
    assert "no datetime with an offset" in caplog.text


def test_invalid_values_are_written_as_given(path: Path) -> None:
    log = ChatLog(path)
    log.interaction(query="q", confidence=1.7, outcome="shrugged")
    log.feedback(interaction="none such", rating="sideways")
    interaction, feedback = read(path)
    assert (interaction["confidence"], interaction["outcome"], feedback["rating"]) == (
        1.7,
        "shrugged",
        "sideways",
    )


def test_event_ids_are_uuids_of_version_7_in_the_order_of_time(path: Path) -> None:
    log = ChatLog(path)
    ids = [log.interaction(query="q") for _ in range(1000)]
    assert all(UUID7.fullmatch(event) for event in ids)
    assert len(set(ids)) == 1000
    assert [event[:18] for event in ids] == sorted(event[:18] for event in ids)
    assert [record["id"] for record in read(path)] == ids


def test_a_given_id_is_written_and_returned(path: Path) -> None:
    log = ChatLog(path)
    assert log.interaction(query="q", id="mine") == "mine"
    assert log.interaction(query="q", id=4711) == "4711"  # type: ignore[arg-type]
    assert [record["id"] for record in read(path)] == ["mine", "4711"]


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("given_value", "written"),
    [
        (numpy.float32(0.5), 0.5),
        (numpy.float64(0.25), 0.25),
        (numpy.int64(7), 7),
        (numpy.bool_(True), True),
        (numpy.array(0.5), 0.5),
        (numpy.str_("text"), "text"),
        (float("nan"), None),
        (numpy.float64("inf"), None),
        (Decimal("0.5"), 0.5),
        (Decimal("NaN"), None),
        (Colour.RED, 3),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        ("half \ud83d", "half \ufffd"),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
        pytest.param(10**5000, "<int that cannot be written>", id="long-int"),
        (UserDict(a={1}), {"a": [1]}),
    ],
)
def test_a_value_that_is_no_plain_one_is_written_as_what_it_means(
    path: Path, given_value: object, written: object
) -> None:
    log = PredictionLog(path)
    log.prediction(features={"x": given_value}, value=given_value)  # type: ignore[dict-item, arg-type]
    (record,) = read(path)
    assert record["features"]["x"] == written
    assert record.get("value") == written
    assert log.dropped == 0


def test_features_may_be_anything_that_makes_a_dict(path: Path) -> None:
    PredictionLog(path).prediction(features=[("a", 1), (2, "b")])  # type: ignore[arg-type]
    assert read(path)[0]["features"] == {"a": 1, "2": "b"}


class Hostile:
    """Raises at every touch that Python allows."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise ValueError("\ud800")

    def __bool__(self) -> bool:
        raise ValueError

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise ValueError

    __hash__ = None  # type: ignore[assignment]


class HostileText(str):
    """A str that lies about itself."""

    def __str__(self) -> str:
        raise ValueError

    encode = isascii = __str__  # type: ignore[assignment]


class HostileError(Exception):
    def __str__(self) -> str:
        raise ValueError


def itself() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # lone surrogates included
    | st.binary()
    | st.decimals()
    | st.complex_numbers()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.uuids()
    | st.sampled_from([-(2**64), object, len, ..., NotImplemented, 1e300, sys.maxsize])
    | st.builds(lambda: 10**5000)
    | st.builds(Hostile)
    | st.builds(HostileText)
    | st.builds(HostileError)
    | st.builds(itself)
    | st.builds(numpy.array, st.lists(st.floats(), max_size=2)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.floats()), inner, max_size=3)
    ),
    max_leaves=6,
)
COMMON = ["id", "time"]
INTERACTION = [
    *COMMON, "query", "response", "intent", "confidence", "latency", "session", "user", "model",
    "model_version", "input_tokens", "output_tokens", "cost", "outcome", "trace_id",
]  # fmt: skip
FEEDBACK = [*COMMON, "interaction", "rating", "comment"]
PREDICTION = [
    *COMMON, "features", "score", "value", "decision", "latency", "trace_id", "error", "label", "model",
    "model_version",
]  # fmt: skip


def arguments(names: list[str], required: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return calls in which any of ``names`` is anything."""
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=4).map(lambda some: {**required, **some})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    interaction=arguments(INTERACTION, {"query": "q"}),
    feedback=arguments(FEEDBACK, {"interaction": "i", "rating": "up"}),
    prediction=arguments(PREDICTION, {"features": {"a": 1.0}}),
)
def test_no_object_in_any_argument_raises_or_spoils_the_file(
    tmp_path: Path, interaction: dict[str, Any], feedback: dict[str, Any], prediction: dict[str, Any]
) -> None:
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    chat, model = ChatLog(path), PredictionLog(path)
    ids = [chat.interaction(**interaction), chat.feedback(**feedback), model.prediction(**prediction)]
    assert all(type(event) is str for event in ids)
    records = read(path)
    assert [record["type"] for record in records] == ["interaction", "feedback", "prediction"]
    assert [record["id"] for record in records] == ids
    assert chat.dropped == model.dropped == 0


def write_many(path: Path, worker: int, threads: int, count: int) -> None:
    """Log ``count`` interactions from each of ``threads`` threads, each long enough to cross pages."""
    log = ChatLog(path)

    def run(thread: int) -> None:
        for number in range(count):
            log.interaction(query=f"{worker}/{thread}/{number}", response="x" * (number * 37 % 6000))

    running = [threading.Thread(target=run, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    sys.exit(log.dropped)


def run_writers(path: Path, processes: int, threads: int, count: int) -> list[Any]:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, n, threads, count)) for n in range(processes)]
    for writer in writers:
        writer.start()
    return writers


def expected_queries(processes: int, threads: int, count: int) -> list[str]:
    return sorted(f"{p}/{t}/{n}" for p in range(processes) for t in range(threads) for n in range(count))


def join(writers: list[Any]) -> None:
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0, "no event was dropped"


def test_four_processes_of_several_threads_write_only_whole_lines(path: Path) -> None:
    join(run_writers(path, 4, 3, 400))
    assert sorted(record["query"] for record in read(path)) == expected_queries(4, 3, 400)


@pytest.mark.parametrize("rotation", ["rename", "delete"])
def test_rotation_while_four_processes_write_loses_nothing(path: Path, rotation: str) -> None:
    kept: list[Path] = []
    writers = run_writers(path, 4, 2, 1500)
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            old = path.with_name(f"old-{len(kept)}")
            if rotation == "rename":
                path.rename(old)
            else:  # a second name keeps what a reader that holds the deleted file open would see
                os.link(path, old)
                path.unlink()
            kept.append(old)
        writers[0].join(0.02)
    join(writers)
    assert len(kept) >= 3
    files = [*kept, path] if path.exists() else kept
    assert sorted(record["query"] for record in read(*files)) == expected_queries(4, 2, 1500)


def test_after_copytruncate_writing_goes_on_at_the_new_beginning(path: Path) -> None:
    log = ChatLog(path)
    copies = []
    for number in range(300):
        log.interaction(query=str(number))
        if number % 100 == 50:
            copies.append(path.with_name(f"copy-{number}"))
            shutil.copyfile(path, copies[-1])
            os.truncate(path, 0)
    assert b"\0" not in path.read_bytes()
    assert [record["query"] for record in read(*copies, path)] == [str(number) for number in range(300)]


def test_the_next_call_after_a_rename_writes_to_a_new_file_at_the_path(path: Path) -> None:
    log = ChatLog(path)
    log.interaction(query="old")
    path.rename(path.with_suffix(".1"))
    log.interaction(query="new")
    assert [record["query"] for record in read(path)] == ["new"]


def test_the_folder_is_made_again_when_it_was_removed(path: Path) -> None:
    log = ChatLog(path)
    log.interaction(query="old")
    shutil.rmtree(path.parent)
    log.interaction(query="new")
    assert [record["query"] for record in read(path)] == ["new"]
    assert log.dropped == 0


def test_a_relative_path_is_kept_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = ChatLog("events.jsonl")
    monkeypatch.chdir("/")
    log.interaction(query="q")
    assert len(read(tmp_path / "events.jsonl")) == 1


def test_a_full_disk_counts_drops_and_warns_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events.jsonl"
    path.symlink_to("/dev/full")
    log = ChatLog(path)
    for _ in range(5):
        log.interaction(query="q")
    assert log.dropped == 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left on device" in caplog.text
    assert str(path) in caplog.text


def write_past_a_limit(path: Path, refused: int) -> None:
    log = ChatLog(path)
    log.interaction(query="first")
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, hard))
    log.interaction(query="cut short")
    for _ in range(refused):
        log.interaction(query="refused")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.interaction(query="after")
    log.interaction(query="last")
    sys.exit(log.dropped)


@pytest.mark.parametrize("refused", [0, 1])
def test_a_record_that_was_cut_short_does_not_spoil_the_next_one(path: Path, refused: int) -> None:
    writer = multiprocessing.get_context("fork").Process(target=write_past_a_limit, args=(path, refused))
    writer.start()
    writer.join(30)
    assert writer.exitcode == 1 + refused, "each event that is not in the file is counted as dropped"
    lines = path.read_bytes().splitlines()
    assert len(lines[1]) == 40, "the torn record stands alone"
    assert [json.loads(line)["query"] for line in (lines[0], *lines[2:])] == ["first", "after", "last"]


def test_a_record_torn_by_an_earlier_process_does_not_spoil_the_first_one(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"@timestamp":"2026-')
    ChatLog(path).interaction(query="q")
    torn, line = path.read_bytes().splitlines()
    assert torn == b'{"@timestamp":"2026-'
    assert json.loads(line)["query"] == "q"


def test_a_record_over_the_limit_is_dropped_and_counted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = ChatLog(path)
    log.interaction(query="x" * MAX_RECORD_BYTES)
    log.interaction(query="x" * (MAX_RECORD_BYTES - 1000))
    assert log.dropped == 1
    assert len(read(path)) == 1
    assert "more than" in caplog.text


def test_a_path_that_cannot_be_written_drops_and_counts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, tmp_path / "file" / "events.jsonl", fifo):
        log = PredictionLog(path)
        log.prediction(features={})
        assert log.dropped == 1, path


def test_a_handler_that_raises_does_not_reach_the_application(tmp_path: Path) -> None:
    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError

    logger = logging.getLogger("aiwatch.instrument")
    handler = Broken()
    logger.addHandler(handler)
    try:
        log = ChatLog(tmp_path)
        log.interaction(query="q")
    finally:
        logger.removeHandler(handler)
    assert log.dropped == 1


def test_only_its_user_and_group_can_read_the_file(path: Path) -> None:
    ChatLog(path).interaction(query="q")
    assert path.stat().st_mode & 0o007 == 0
    assert path.parent.stat().st_mode & 0o007 == 0


def test_no_file_stays_open(path: Path) -> None:
    log = ChatLog(path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        log.interaction(query="q")
    assert len(os.listdir("/proc/self/fd")) == before
