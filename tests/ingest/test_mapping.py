"""Somebody else's log: nested keys, other units, words and types."""

from __future__ import annotations

from typing import Any

import pytest

from aiwatch.ingest import reasons as why
from tests.ingest.samples import NOW, decode, documents, lines, process, reasons

TIME = {"field": "t", "unit": "s"}


def mapped(fields: dict[str, Any], kind: str = "chat", record: str = "interaction", **log: Any) -> Any:
    written = {name: source if isinstance(source, dict) else {"field": source} for name, source in fields.items()}
    return process(kind, logs=[{"path": "a.log", "record": record, "fields": {"time": TIME} | written} | log])


def line(**fields: Any) -> dict[str, Any]:
    return {"t": NOW.timestamp() - 60} | fields


def one(of: Any, record: dict[str, Any] | bytes) -> dict[str, Any]:
    (document,) = documents(decode(lines(record), of))
    return document


def test_values_are_found_by_key_by_dotted_key_and_along_nested_objects() -> None:
    of = mapped({"query": "a.b", "response": "c.d.e", "intent": "c.f"})
    document = one(of, line(**{"a.b": "dotted", "c": {"d": {"e": "nested"}, "f": "second"}}))
    assert (document["query"], document["response"], document["intent"]) == ("dotted", "nested", "second")
    assert document["type"] == "interaction"
    assert "query" not in one(of, line(a=["not", "an", "object"]))


def test_only_what_is_mapped_is_read() -> None:
    document = one(mapped({"query": "q"}), line(q="hi", latency=250, user="u", secret="s"))
    assert document.keys() == {"process", "log", "type", "@timestamp", "query"}


@pytest.mark.parametrize(
    ("unit", "logged", "seconds"),
    [("ms", 700, 0.7), ("ms", "300", 0.3), ("us", 2500, 0.0025), ("ns", 10**9, 1.0), ("s", 1.5, 1.5), (None, "2", 2.0)],
)
def test_durations_are_converted_to_exactly_the_seconds_that_are_meant(unit: Any, logged: Any, seconds: float) -> None:
    source = {"field": "took"} | ({"unit": unit} if unit else {})
    assert one(mapped({"latency": source}), line(took=logged))["latency"] == seconds


def test_percent_become_ratios() -> None:
    of = mapped({"confidence": {"field": "c", "unit": "percent"}})
    assert one(of, line(c=93))["confidence"] == 0.93
    assert reasons(decode(lines(line(c=101)), of)) == [why.OUT_OF_RANGE]


@pytest.mark.parametrize("nothing", [None, "", " ", "NaN", "inf", "-Infinity"])
def test_what_is_no_number_counts_as_absent(nothing: Any) -> None:
    of = mapped({"confidence": "c", "latency": "l", "cost": "x", "input_tokens": "n"})
    document = one(of, line(c=nothing, l=nothing, x=nothing, n=nothing))
    assert document.keys() == {"process", "log", "type", "@timestamp"}


@pytest.mark.parametrize("wrong", ["high", True, [1], {"v": 1}, "1_0x"])
def test_what_stands_where_a_number_is_due_is_a_wrong_type(wrong: Any) -> None:
    assert reasons(decode(lines(line(c=wrong)), mapped({"confidence": "c"}))) == [why.WRONG_TYPE]


@pytest.mark.parametrize(
    ("logged", "reason"),
    [(10**400, why.OUT_OF_RANGE), (-5, why.OUT_OF_RANGE), (1e301, why.OUT_OF_RANGE), (2.5, why.WRONG_TYPE)],
)
def test_numbers_beyond_belief_are_rejected(logged: Any, reason: str) -> None:
    name = "input_tokens" if logged == 2.5 else "cost"
    assert reasons(decode(lines(line(x=logged)), mapped({name: "x"}))) == [reason]


def test_ids_and_versions_may_be_numbers_and_counts_may_be_text() -> None:
    of = mapped({"id": "i", "model_version": "v", "input_tokens": "n"})
    document = one(of, line(i=17, v=2.5, n="12"))
    assert (document["id"], document["model_version"], document["input_tokens"]) == ("17", "2.5", 12)


@pytest.mark.parametrize(
    ("said", "meant"), [("ok", "answered"), (7, "fallback"), (True, "handoff"), ("error", "error")]
)
def test_words_are_translated(said: Any, meant: str) -> None:
    values = {"ok": "answered", "7": "fallback", "true": "handoff"}
    assert one(mapped({"outcome": {"field": "o", "values": values}}), line(o=said))["outcome"] == meant


def test_a_word_that_nobody_translates_is_rejected() -> None:
    of = mapped(
        {"outcome": {"field": "o", "values": {"ok": "answered"}}, "intent": {"field": "i", "values": {"a": "b"}}}
    )
    assert reasons(decode(lines(line(o="meh")), of)) == [why.UNKNOWN_VALUE]
    assert reasons(decode(lines(line(i={"x": 1})), of)) == [why.WRONG_TYPE]


@pytest.mark.parametrize(
    ("source", "logged", "stored"),
    [
        ({"unit": "ms"}, 1772622000123, "2026-03-04T11:00:00.123000Z"),
        ({"unit": "s"}, "1772622000.5", "2026-03-04T11:00:00.500000Z"),
        ({"unit": "ns"}, 1772622000000000000, "2026-03-04T11:00:00Z"),
        ({}, "2026-03-04T13:00:00+02:00", "2026-03-04T11:00:00Z"),
        ({"timezone": "Europe/Berlin"}, "2026-03-04 12:00:00,250", "2026-03-04T11:00:00.250000Z"),
        ({"timezone": "Europe/Berlin"}, "2026-03-04T11:00:00Z", "2026-03-04T11:00:00Z"),
    ],
)
def test_times_are_read_in_their_unit_and_zone(source: dict[str, str], logged: Any, stored: str) -> None:
    assert one(mapped({"time": {"field": "when"} | source}), {"when": logged})["@timestamp"] == stored


@pytest.mark.parametrize(
    ("source", "logged"),
    [
        ({}, "2026-03-04T11:00:00"),
        ({}, 1772622000),
        ({}, "0001-01-01T00:00:00+10:00"),
        ({}, "4 March"),
        ({"unit": "s"}, "soon"),
        ({"unit": "s"}, 1e300),
        ({"unit": "s"}, ""),
        ({"unit": "ms"}, "nan"),
    ],
)
def test_a_time_that_cannot_be_placed_is_rejected(source: dict[str, str], logged: Any) -> None:
    (reason,) = reasons(decode(lines({"when": logged}), mapped({"time": {"field": "when"} | source})))
    assert reason in (why.BAD_TIME, why.WRONG_TYPE)


def test_a_line_without_its_time_misses_a_field() -> None:
    assert reasons(decode(lines({"q": "hi"}), mapped({"query": "q"}))) == [why.MISSING_FIELD]


def test_kept_keys_become_attributes_without_personal_data() -> None:
    of = mapped({"query": "q"}, keep=["channel", "http.path", "order", "absent"])
    logged = line(q="hi", channel="mail a@example.org", http={"path": "/x"}, order=4111111111111111)
    expected = {"channel": "mail [email]", "http.path": "/x", "order": 4111111111111111}
    assert one(of, logged)["attributes"] == expected


def test_a_native_log_may_keep_keys_too() -> None:
    of = process(logs=[{"path": "a.log", "record": "interaction", "keep": ["channel"]}])
    document = one(of, {"@timestamp": "2026-03-04T11:00:00Z", "query": "hi", "channel": "web", "other": 1})
    assert (document["attributes"], document["query"], "other" in document) == ({"channel": "web"}, "hi", False)


def test_lines_of_one_file_are_told_apart_also_by_a_key_that_is_a_field() -> None:
    of = process(
        logs=[
            {"path": "a.log", "record": "interaction", "when": {"outcome": "error"}},
            {"path": "a.log", "record": "feedback", "when": {"outcome": "rated"},
             "fields": {"time": TIME, "interaction": {"field": "about.id"},
                        "rating": {"field": "stars", "values": {"5": "up"}}}},
            {"path": "a.log", "record": "ignore", "when": {"outcome": "ping"}},
        ]
    )  # fmt: skip
    decoded = decode(
        lines(
            {"outcome": "error", "@timestamp": "2026-03-04T11:00:00Z", "query": "hi"},
            line(outcome="rated", about={"id": "e1"}, stars=5),
            {"outcome": "ping"},
            {"outcome": "new"},
        ),
        of,
    )
    first, second = documents(decoded)
    assert (first["type"], first["outcome"], first["query"]) == ("interaction", "error", "hi")
    assert (second["type"], second["interaction"], second["rating"]) == ("feedback", "e1", "up")
    assert [entry.type for entry in decoded.entries] == ["interaction", "feedback"]
    assert reasons(decoded) == [why.UNKNOWN_RECORD]


def test_the_key_that_tells_lines_apart_may_be_mapped_and_kept() -> None:
    of = mapped({"intent": "kind"}, when={"kind": "chat"}, keep=["kind"])
    document = one(of, line(kind="chat"))
    assert (document["intent"], document["attributes"]) == ("chat", {"kind": "chat"})


def test_a_classifier_reads_nested_features() -> None:
    of = mapped(
        {"features": "input.features", "score": {"field": "out.p", "unit": "percent"}}, "classifier", "prediction"
    )
    document = one(of, line(input={"features": {"a": 1, "b": None}}, out={"p": "12.5"}))
    assert (document["features"], document["score"]) == ({"a": 1, "b": None}, 0.125)


@pytest.mark.parametrize(
    ("logged", "stored"), [(True, 1), (False, 0), ("true", 1), (0.25, 0.25), ("1", 1), ("chargeback", 1), ("fine", 0)]
)
def test_an_outcome_is_a_number_however_the_log_says_it(logged: Any, stored: float) -> None:
    source = {"field": "y", "values": {"chargeback": "1", "fine": "false"}}
    document = one(mapped({"label": source}, "classifier", "prediction"), line(y=logged))
    assert document["label"] == stored
    assert type(document["label"]) is not bool


@pytest.mark.parametrize(("logged", "reason"), [(2, why.OUT_OF_RANGE), ("who knows", why.WRONG_TYPE)])
def test_an_outcome_that_is_none_is_rejected(logged: Any, reason: str) -> None:
    assert reasons(decode(lines(line(y=logged)), mapped({"label": "y"}, "classifier", "prediction"))) == [reason]
