"""Lines of all sorts: what becomes a document, what becomes a reject, and that every document is sound."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwatch.ingest import reasons as why
from aiwatch.ingest.contracts import Block, Oversized
from aiwatch.ingest.decode import AHEAD, Decoded
from aiwatch.ingest.documents import Origin, address_of, body_of, origin_of
from tests.ingest.samples import (
    NOW,
    at,
    block,
    decode,
    decoder,
    documents,
    feedback,
    interaction,
    lines,
    prediction,
    process,
    reasons,
)


def test_a_native_line_is_spliced_into_its_document_byte_by_byte() -> None:
    line = b'{"@timestamp":"2026-03-04T11:00:00.000Z","type":"interaction","id":"e1","cost":0.10}'
    (entry,) = decode(line + b"\n").entries
    assert body_of(entry.document) == b'{"process":"bot","log":{"stream":"5a","offset":0},' + line[1:]
    assert (address_of(entry.document).index, address_of(entry.document).id) == (
        "aiwatch-interactions-2026.03.04",
        "bot:e1",
    )
    assert origin_of(entry.document) == Origin("5a", 0)


def test_an_event_without_an_id_is_named_by_its_place() -> None:
    decoded = decode(lines(interaction(), interaction()))
    assert [address_of(entry.document).id for entry in decoded.entries] == [
        f"bot:5a:{origin_of(entry.document).offset}" for entry in decoded.entries
    ]
    assert len({address_of(entry.document).id for entry in decoded.entries}) == 2


def test_offsets_are_those_of_the_lines_in_the_stream() -> None:
    data = lines(interaction(), b"", b"  ", interaction(), b"nonsense", interaction())
    decoded = decoder().decode(block(data, start=1000), NOW)
    places = [origin_of(entry.document).offset for entry in decoded.entries]
    places += [reject.offset for reject in decoded.rejects]
    for place in places:
        assert data[place - 1000 :][:1] in (b"{", b"n")
        assert place == 1000 or data[place - 1001 : place - 1000] == b"\n"
    assert decoded.lines == 4


def test_the_index_is_that_of_the_events_day_in_utc() -> None:
    decoded = decode(lines(interaction() | {"@timestamp": "2026-03-04T01:00:00+02:00"}))
    assert address_of(decoded.entries[0].document).index == "aiwatch-interactions-2026.03.03"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", why.NOT_JSON),
        (b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction"} x', why.NOT_JSON),
        (b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction"', why.NOT_JSON),
        (b'{"query":' + b"[" * 100_000 + b"]" * 100_000 + b"}", why.NOT_JSON),
        (b'{"extra":' + b'{"a":' * 100_000, why.NOT_JSON),
        (b"[1, 2]", why.NOT_AN_OBJECT),
        (b"17", why.NOT_AN_OBJECT),
        (b'"text"', why.NOT_AN_OBJECT),
        (b"{}", why.MISSING_FIELD),
        (b'{"type":"interaction"}', why.MISSING_FIELD),
        (b'{"type":"sale"}', why.UNKNOWN_RECORD),
        (b'{"type":7}', why.WRONG_TYPE),
        (lines(interaction(confidence="high"))[:-1], why.WRONG_TYPE),
        (lines(interaction(query={"text": "x"}))[:-1], why.WRONG_TYPE),
        (lines(interaction(confidence=1.7))[:-1], why.OUT_OF_RANGE),
        (lines(interaction(latency=-1))[:-1], why.OUT_OF_RANGE),
        (lines(interaction(input_tokens=10**30))[:-1], why.OUT_OF_RANGE),
        (lines(interaction(input_tokens=10**3000))[:-1], why.OUT_OF_RANGE),
        (b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction","cost":1e999}', why.OUT_OF_RANGE),
        (b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction","cost":1e307}', why.OUT_OF_RANGE),
        (lines(interaction(id="x" * 500))[:-1], why.OUT_OF_RANGE),
        (lines(interaction(id="ü" * 300))[:-1], why.OUT_OF_RANGE),
        (lines(interaction(outcome="fine"))[:-1], why.UNKNOWN_VALUE),
        (lines(feedback(rating="5"))[:-1], why.UNKNOWN_VALUE),
        (lines(interaction() | {"@timestamp": "2026-03-04T11:00:00"})[:-1], why.BAD_TIME),
        (lines(interaction() | {"@timestamp": "yesterday"})[:-1], why.BAD_TIME),
        (lines(interaction() | {"@timestamp": 1772622000})[:-1], why.BAD_TIME),
        (lines(interaction(-40 * 365 * 86400))[:-1], why.TIME_OUT_OF_RANGE),
        (lines(interaction(86401))[:-1], why.TIME_OUT_OF_RANGE),
        (lines(interaction() | {"@timestamp": "9999-12-31T23:59:59-10:00"})[:-1], why.TIME_OUT_OF_RANGE),
        (lines(interaction() | {"@timestamp": "0001-01-01T00:00:00+10:00"})[:-1], why.TIME_OUT_OF_RANGE),
        (lines(interaction(query="#"))[:-1].replace(b"#", b"\xff\xfe"), why.INVALID_UTF8),
        (lines(interaction(extra="#"))[:-1].replace(b"#", b"\xc3\x28"), why.INVALID_UTF8),
        (lines(interaction(extra="#"))[:-1].replace(b"#", b"\xed\xa0\x80"), why.INVALID_UTF8),
        (lines(interaction(query="#"))[:-1].replace(b"#", b"a\0b"), why.NOT_JSON),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_with_its_reason(line: bytes, reason: str) -> None:
    decoded = decode(lines(interaction(), line, interaction()))
    assert reasons(decoded) == [reason]
    assert len(decoded) == 2
    assert reason in why.REASONS


def test_a_line_that_was_too_long_is_rejected_with_its_head() -> None:
    long = block(b"")
    long = Block(long.stream, 0, b"", long.position, (Oversized(0, 99, b'{"query":"a@b.de'),))
    (reject,) = decoder().decode(long, NOW).rejects
    assert (reject.reason, reject.detail, reject.line) == (why.LINE_TOO_LONG, "99 bytes", b'{"query":"[email]')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbf", b""),
        (b"", b"\r"),
        (b"\0" * 4096, b""),
        (b" \t", b" "),
    ],
)
def test_marks_that_writers_and_truncation_leave_around_a_line_do_no_harm(before: bytes, after: bytes) -> None:
    line = lines(interaction(id="e1", query="grüße"))[:-1]
    (entry,) = decode(lines(before + line + after)).entries
    assert json.loads(body_of(entry.document))["query"] == "grüße"


def test_numbers_that_json_lacks_become_null() -> None:
    decoded = decode(
        b'{"@timestamp":"2026-03-04T11:00:00Z","type":"prediction","score":NaN,'
        b'"features":{"a":-Infinity,"b":[NaN],"NaN":"say NaN, \\"Infinity"}}\n',
        process("classifier"),
    )
    (document,) = documents(decoded)
    assert document["features"] == {"a": None, "b": [None], "NaN": 'say NaN, "Infinity'}
    assert "score" not in document


def test_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    line = b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction",'
    line += b'"query":"cut \\ud83d","response":"\\ud83d\\ude00 \\\\ud83d"}'
    (document,) = documents(decode(line + b"\n"))
    assert (document["query"], document["response"]) == ("cut \ufffd", "\U0001f600 \\ud83d")


@pytest.mark.parametrize("time", ["2026-03-04 11:00:00Z", "2026-03-04t11:00:00z", "2026-03-04T11:00:00.12345678901Z"])
def test_a_time_that_elasticsearch_would_not_read_is_written_anew(time: str) -> None:
    (document,) = documents(decode(lines(interaction() | {"@timestamp": time})))
    assert document["@timestamp"].startswith("2026-03-04T11:00:00")
    assert document["@timestamp"].endswith("Z")


def test_keys_beyond_the_record_stay_and_are_redacted() -> None:
    (document,) = documents(decode(lines(interaction(id="e1", channel="web", note=["call +49 30 901820", {"n": 1}]))))
    assert (document["channel"], document["note"]) == ("web", ["call [phone]", {"n": 1}])
    assert document["query"] == "where is my card?"


def test_keys_that_aiwatch_or_elasticsearch_need_move_to_the_attributes() -> None:
    line = interaction(process="evil", log={"stream": "x"}, _id="y", feedback="none", attributes={"z": 1})
    (document,) = documents(decode(lines(line)))
    assert (document["process"], document["log"]) == ("bot", {"stream": "5a", "offset": 0})
    assert document["attributes"] == {
        "process": "evil",
        "log": {"stream": "x"},
        "_id": "y",
        "feedback": "none",
        "attributes": {"z": 1},
    }
    assert not {"_id", "feedback"} & document.keys()


def test_personal_data_in_the_texts_is_replaced_in_record_and_document() -> None:
    decoded = decode(lines(interaction(query="I am a@example.org", response="card 4111111111111111")))
    (document,) = documents(decoded)
    assert (document["query"], document["response"]) == ("I am [email]", "card [card]")
    assert (decoded.entries[0].record.query, document["type"]) == ("I am [email]", "interaction")  # type: ignore[attr-defined]


def test_redaction_can_be_switched_off() -> None:
    (document,) = documents(decode(lines(interaction(query="a@example.org")), process(redact=[])))
    assert document["query"] == "a@example.org"


@pytest.mark.parametrize(
    "line",
    [
        lines(interaction(query="a@example.org", confidence=7))[:-1],
        b'{"query": "a@example.org", ',
        b'{"query": "a\\u0040example.org", ',
        b'{"type":"interaction","query":"a\\u0040example.org"}',
        b'{"type":"a@example.org"}',
        b"a@example.org \xff",
        lines(interaction(outcome="a@example.org"))[:-1],
    ],
)
def test_nothing_personal_is_left_in_a_reject(line: bytes) -> None:
    (reject,) = decode(lines(line)).rejects
    if b"outcome" not in line and b'"type":"a@' not in line:  # these name no person by contract
        assert b"example.org" not in reject.line
    assert "example.org" not in reject.detail


def test_a_reject_keeps_ids_and_numbers_that_look_like_cards() -> None:
    line = lines(interaction(id="4111111111111111", confidence=7, latency=1712345678901234567))[:-1]
    (reject,) = decode(lines(line)).rejects
    assert reject.line == line


def test_the_detail_of_a_reject_is_short() -> None:
    (reject,) = decode(lines(interaction(outcome="x" * 100_000))).rejects
    assert len(reject.detail) <= 300


def test_a_log_may_hold_lines_to_be_ignored() -> None:
    logs = [
        {"path": "a.log", "record": "interaction", "when": {"event": "chat"}},
        {"path": "a.log", "record": "ignore", "when": {"event": "heartbeat"}},
    ]
    chat = {"@timestamp": at(-5), "event": "chat", "query": "hi"}
    personal = chat | {"query": "a@example.org"}
    decoded = decode(lines(chat, {"event": "heartbeat", "cpu": 3}, {"event": "boot"}, personal), process(logs=logs))
    plain, clean = documents(decoded)
    assert (plain["query"], plain["event"]) == ("hi", "chat")
    assert (clean["query"], clean["event"]) == ("[email]", "chat")
    assert reasons(decoded) == [why.UNKNOWN_RECORD]


def test_a_single_log_insists_on_its_condition() -> None:
    logs = [{"path": "a.log", "record": "interaction", "when": {"event": "chat"}}]
    decoded = decode(lines({"@timestamp": at(-5), "query": "hi"}), process(logs=logs))
    assert reasons(decoded) == [why.MISSING_FIELD]


def test_lines_of_ten_megabytes_are_read() -> None:
    (document,) = documents(decode(lines(interaction(query="x " * 5_000_000))))
    assert len(document["query"]) == 10_000_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    [
        "@timestamp",
        "type",
        "id",
        "query",
        "intent",
        "confidence",
        "latency",
        "input_tokens",
        "cost",
        "outcome",
        "process",
        "log",
    ]
) | st.text(max_size=5)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, json_values, max_size=6), st.booleans())
def test_whatever_object_is_logged_becomes_a_sound_document_or_a_reject(fields: dict[str, Any], complete: bool) -> None:
    if complete:
        fields = {"@timestamp": at(-1), "type": "interaction"} | {
            k: v for k, v in fields.items() if k not in ("@timestamp", "type")
        }
    decoded = decode(lines(fields))
    assert len(decoded) + len(decoded.rejects) == 1
    for entry in decoded.entries:
        assert b"\n" not in body_of(entry.document)
        pairs = json.loads(body_of(entry.document), object_pairs_hook=_without_repeats, parse_constant=_never)
        assert pairs["process"] == "bot"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_whatever_bytes_are_logged_are_taken_or_rejected(data: bytes) -> None:
    decoded = decode(data + b"\n")
    assert len(decoded) + len(decoded.rejects) == decoded.lines


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def _never(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def test_every_rejected_line_can_be_decoded_once_it_is_mended() -> None:
    (reject,) = decode(lines(interaction(id="e1", confidence=7, query="a@example.org"))).rejects
    mended = reject.line.replace(b": 7", b": 0.7").replace(b":7", b":0.7")
    (document,) = documents(decode(mended + b"\n"))
    assert (document["confidence"], document["query"], document["id"]) == (0.7, "[email]", "e1")


def test_times_up_to_a_day_ahead_are_believed() -> None:
    now = datetime.now(UTC)
    ahead = (now + timedelta(hours=23)).isoformat()
    assert decode(lines(interaction() | {"@timestamp": ahead}), now=now).rejects == []


def test_a_prediction_keeps_its_features_as_they_are() -> None:
    (document,) = documents(
        decode(lines(prediction(features={"iban": "DE89370400440532013000", "n": None})), process("classifier"))
    )
    assert document["features"] == {"iban": "DE89370400440532013000", "n": None}


@pytest.mark.parametrize(
    ("kind", "label", "reason"),
    [
        ("classifier", True, None),
        ("classifier", 0, None),
        ("classifier", 0.5, None),
        ("classifier", 2, why.OUT_OF_RANGE),
        ("classifier", "yes", why.WRONG_TYPE),
        ("regressor", 17.5, None),
        ("regressor", True, why.WRONG_TYPE),
    ],
)
def test_a_prediction_may_know_its_outcome(kind: str, label: Any, reason: str | None) -> None:
    decoded = decode(lines(prediction(label=label)), process(kind))
    assert reasons(decoded) == ([reason] if reason else [])
    assert [entry.record.label for entry in decoded.entries] == ([] if reason else [label])


ODD_AND_USUAL = [
    interaction(id="e1", query="where?", response="there", model_version="2"),
    interaction(id="e2", query="I am a.b@example.org"),
    interaction(id='quote"', query="hi"),
    interaction(id="e4", query="hi", more="than known"),
    interaction(id="e5", query="zwölf €"),
    interaction(id="x" * 300),
    interaction(-3 * 86400, id="e6"),
    interaction(86400 * 9, id="from the future"),
    interaction(query="no id"),
    feedback(id="f1"),
    b'{"@timestamp":"2026-03-04T11:00:00Z","type":"interaction","id":"short time"}',
    b'{"@timestamp":"2026-03-04 11:00:00.5Z","type":"interaction","id":"odd time"}',
    b'{"@timestamp":"2026-03-04T11:00:00.000Z","type":"interaction","user":"\xff"}',
    b"nonsense",
    b"  \t",
]


@given(st.lists(st.sampled_from(ODD_AND_USUAL), max_size=12))
def test_lines_come_out_the_same_together_as_each_alone(chosen: list[Any]) -> None:
    data = lines(*chosen)
    together, alone = decode(data), Decoded()
    offset = 0
    for line in data.split(b"\n")[:-1]:
        if line.strip():
            place = ("5a", offset)
            decoder().decode_line(line.strip(), place, place, "/logs/bot/a.jsonl", NOW + AHEAD, alone)
        offset += len(line) + 1
    assert together == alone
