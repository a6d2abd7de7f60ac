"""Documents in a file: each once, whatever was there before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiwatch.ingest.contracts import Outcome
from aiwatch.ingest.documents import Documents, head_of, make_document, neck_of
from aiwatch.ingest.sinks.ndjson import NdjsonSink

STORED, DUPLICATE = None, Outcome("duplicate")


def document(id_: str, offset: int, index: str = "aiwatch-interactions-2026.03.04") -> bytes:
    return make_document(head_of(index, "bot"), id_, neck_of("bot", "5a"), offset, b'"query":"hi"}')


def send(path: Path, *documents: bytes) -> list[Outcome | None]:
    sink = NdjsonSink(path)
    try:
        outcomes = sink.send(Documents.of(documents))
        return [outcomes.get(place) for place in range(len(documents))]
    finally:
        sink.close()


def ids(path: Path) -> list[str]:
    return [json.loads(line)["_id"].removeprefix("bot:") for line in path.read_bytes().splitlines()]


def test_a_document_stands_on_one_line_with_its_index_and_id(tmp_path: Path) -> None:
    send(tmp_path / "new" / "d.ndjson", document('b"1', 0))
    (line,) = (tmp_path / "new" / "d.ndjson").read_bytes().splitlines()
    assert json.loads(line) == {
        "_index": "aiwatch-interactions-2026.03.04",
        "_id": 'bot:b"1',
        "process": "bot",
        "log": {"stream": "5a", "offset": 0},
        "query": "hi",
    }


def test_the_same_line_sent_again_counts_as_stored_and_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "d.ndjson"
    assert send(path, document("a", 0)) == [STORED]
    assert send(path, document("a", 0), document("b", 50)) == [STORED, STORED]
    assert ids(path) == ["a", "b"]


def test_a_repeated_event_is_a_duplicate_within_a_batch_and_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "d.ndjson"
    assert send(path, document("a", 0), document("a", 50)) == [STORED, DUPLICATE]
    assert send(path, document("a", 0), document("a", 50)) == [STORED, DUPLICATE]
    assert ids(path) == ["a"]


def test_the_same_id_in_another_index_is_another_document(tmp_path: Path) -> None:
    assert send(tmp_path / "d", document("a", 0), document("a", 50, "aiwatch-feedback-2026.03.04")) == [STORED, STORED]


def test_a_line_torn_by_a_crash_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "d.ndjson"
    send(path, document("a", 0), document("b", 50))
    path.write_bytes(path.read_bytes()[:-20])
    assert send(path, document("a", 0), document("b", 50)) == [STORED, STORED]
    assert ids(path) == ["a", "b"]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(ValueError, match=r"notes.txt:1: not a document written by aiwatch .* name another file"):
        NdjsonSink(path)
    assert path.read_text() == "dear diary\n"
