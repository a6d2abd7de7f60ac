"""The compiled core against the reference: whatever stands in a log, both make the same of it."""

from __future__ import annotations

import copy
import functools
import json
import math
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiwatch.catalogue.model import Process
from aiwatch.ingest.contracts import Block, Oversized
from aiwatch.ingest.core import AVAILABLE, BlockDecoder, Taken, _core, with_core
from aiwatch.ingest.decode import Decoder
from aiwatch.profiles.baseline import Baseline, FeatureBaseline, Source
from aiwatch.profiles.fold import Cell, Fold
from aiwatch.profiles.profile import Categorical, Counted, Counts, Numeric, Profile
from tests.ingest.samples import NOW, at, block, decode, feedback, folded, interaction, lines, prediction, process, same

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="installed without a Rust compiler")

FEATURES = {
    "amount": {"type": "numeric", "min": 0, "max": 1e6},
    "count": {"type": "numeric"},
    "country": {"type": "categorical", "values": ["DE", "FR", "true", "7", "ü"]},
    "any": {"type": "categorical"},
}
BASELINE = Baseline(
    format=1,
    process="bot",
    model_version=None,
    created=NOW,
    source=Source(files=(), sha256="", rows=0),
    features={
        "amount": FeatureBaseline(Numeric((0.0, 1.0, 12.5, 1e7)), Counts([]), (-90, -3, 0, 7, 200)),
        "country": FeatureBaseline(Categorical(("DE", "7", "true")), Counts([]), (5, -5, 1)),
        "score": FeatureBaseline(Numeric((0.1, 0.5)), Counts([]), (-64, 0, 64)),
        "any": FeatureBaseline(Categorical(("ü", "-0")), Counts([]), (1, 2)),
        "more": FeatureBaseline(Numeric(()), Counts([]), (3,)),
    },
    relations=("score", "amount", "country", "more"),
    segments={"country": ("7", "FR"), "any": ("true",)},
)
VALUED = msgspec.structs.replace(
    BASELINE,
    features={"value": BASELINE.features["score"], "count": BASELINE.features["more"]},
    relations=("count",),
    segments={},
)
WITHOUT_TYPE = [{"path": "bot/*.jsonl", "record": "interaction"}]
BY_EVENT = [
    {"path": "a.log", "record": "interaction", "when": {"event": "chat"}},
    {"path": "a.log", "record": "feedback", "when": {"event": "thumb"}},
    {"path": "a.log", "record": "ignore", "when": {"event": "tick"}},
]
PROCESSES = [
    process(),
    process(redact=[]),
    process(redact=["phone"]),
    process(logs=WITHOUT_TYPE),
    process(logs=BY_EVENT),
    process("classifier", features=FEATURES),
    process("classifier"),
    process("regressor", features=FEATURES, value_bounds=[-1.0, 0.0, 1.0]),
    replace(process("classifier", features=FEATURES), baseline=BASELINE),
    replace(process("classifier"), baseline=BASELINE),
    replace(process("regressor"), baseline=VALUED),
]

STAMP = f'"{at(-60)}"'
USUAL = {
    "@timestamp": [STAMP, f'"{at(-7000)}"', '"2026-03-04T11:00:00+02:00"', '"2026-03-03T23:59:59.999999999Z"'],
    "type": ['"interaction"', '"feedback"', '"prediction"'],
    "event": ['"chat"', '"thumb"', '"tick"'],
    "id": ['"e1"', '"e2"', '""', '"with space"'],
    "query": ['"where?"', '"a\\nb"', '"order 12345678 for \\u00fc"', '"call +49 30 901820"', '"I am a.b@example.org"'],
    "response": ['"zwölf €"', '"card 4111 1111 1111 1111 and 123"', "null"],
    "comment": ['"good"', '"a\\u0040example.org"'],
    "intent": ['"a"', '"b"', '""', '"\\u00fc"', '"unknown"'],
    "confidence": ["0.5", "1", "0", "0.30000000000000004", "null"],
    "latency": ["0.25", "1e-3", "12", "2.5", "1.7e308"],
    "session": ['"s1"', '"s2"', '""', '"\\u00fc"', "null"],
    "model_version": ['"7"', '"8"', '""', "null"],
    "input_tokens": ["7", "0", "999999999999999999", "null"],
    "cost": ["0.001", "0.1", "0.2", "1e300"],
    "outcome": ['"answered"', '"error"', '"fall\\u0062ack"'],
    "trace_id": ['"t1"', '"t2"', '""', '"t\\/3"'],
    "interaction": ['"e1"'],
    "rating": ['"up"', '"down"'],
    "error": ['""', '"boom"', "null"],
    "score": ["0.1", "0.95"],
    "value": ["-1.5", "7"],
    "decision": ['"block"', '"pass"'],
    "label": ["true", "false", "1", "0.5", "-1.7e308"],
    "features": [
        '{"amount":12.5,"count":3,"country":"DE","any":true}',
        '{"any":"x","country":"FR","count":-1,"amount":0.1,"more":[1,{"a":"b"}]}',
        '{ "amount" : -1 , "country" : 7 }',
        '{"amount":null,"count":"3","country":true,"any":1.5}',
        '{"amount":1e7,"count":true,"country":"\\u00fc","any":-0}',
        "{}",
    ],
}  # fmt: skip
HOSTILE = [
    "null", "true", "-0", "-0.0", "0.0", "1e400", "1e-400", "1E+5", "01", "1.", ".5", "+1", "-", "1e", "0x1", "tru",
    "123456789012345678901234567890", "9007199254740993", "9" * 400, "4.35", "179769313486231570e291", "2" * 30 + ".5",
    "NaN", "-Infinity", '"\\ud83d"', '"\\ud83d\\ude00"', '"\\ude00"', '"\\ud83d\\u0041"', '"a\\u0000b"', '"\\x"',
    '"\\u12"', '"tab\tin"', '"nul\0in"', '"open', '"\x7f"', '"' + "x" * 300 + '"', '"quote\\""', "[]", "{}", "[1,]",
    "[1 2]", '{"a":}', '{"a":1,"a":2}', '{"amount":1,"amount":2}', '{"\\u0061mount":1}', '{"amount":1e400}',
    '{"more":1e400}', '{"count":' + "9" * 400 + "}", '{"more":NaN}', '{"more":' + "[" * 70 + "]" * 70 + "}",
    '"2026-03-04T11:00:00"', '"2026-03-04 11:00:00Z"', '"2026-02-29T11:00:00Z"', '"2026-03-04T24:00:00Z"',
    '"0000-01-01T00:00:00Z"', '"2026-03-04T11:00:60Z"', '"2026-03-04T11:00:00.1234567890Z"',
    '"2026-03-04T11:00:00.1234565Z"', '"2026-03-04T11:00:00-23:59"', '"2026-03-04T11:00:00+24:00"',
    '"2026-03-04T11:00:00.Z"', '"2026-03-04t11:00:00z"', '"9999-12-31T23:59:59Z"', '"1999-01-01T00:00:00Z"',
    '"DE89 3704 0044 0532 0130 00"', '"(030) 901820 \\" x"', '"٠١٢٣٤٥٦٧٨٩٠١٢٣٤"', '"+٤٩ ٣٠ ٩٠١٨٢٠٠"', '"@"',
    '"06.12.34.56.78 \\ud83d\\ude00"',
]  # fmt: skip
SPACES = st.sampled_from(["", "", "", "", " ", "  ", "\t"])


@st.composite
def odd_lines(draw: st.DrawFn, only: str = "") -> bytes:
    """A line that is usual, or nearly: in a value, in a key, in its spaces or in its bytes."""
    kind = only or draw(st.sampled_from(["interaction", "feedback", "prediction"]))
    names = {
        "interaction": ["query", "response", "intent", "confidence", "latency", "session", "model_version",
                        "input_tokens", "cost", "outcome", "trace_id"],
        "feedback": ["interaction", "rating", "comment"],
        "prediction": ["score", "value", "features", "decision", "label", "latency", "model_version",
                       "trace_id", "error"],
    }[kind]  # fmt: skip
    fields = [("@timestamp", draw(st.sampled_from(USUAL["@timestamp"]))), ("type", f'"{kind}"')]
    if draw(st.booleans()):
        fields[1] = ("event", draw(st.sampled_from(USUAL["event"])))
    chosen = [name for name in ["id", *names] if name in ("interaction", "rating") or draw(st.booleans())]
    fields += [(name, draw(st.sampled_from(USUAL[name]))) for name in chosen]
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, len(fields) - 1))
        fields[place] = (fields[place][0], draw(st.sampled_from(HOSTILE)))
    if draw(st.integers(0, 5)) == 0:
        extra = draw(st.sampled_from(["more", "log", "query", "value", "@timestamp", "i\\u0064", "_id", "type"]))
        fields.append((extra, draw(st.sampled_from([*HOSTILE, *USUAL.get(extra, [])]))))
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    loose = draw(st.integers(0, 5)) == 0
    space = (lambda: draw(SPACES)) if loose else (lambda: "")
    text = ",".join(f'{space()}"{key}"{space()}:{space()}{value}{space()}' for key, value in fields)
    line = f"{{{text}}}".encode("utf-8", "surrogatepass")
    match draw(st.integers(0, 12)):
        case 0:
            line = line[: draw(st.integers(0, len(line)))]
        case 1:
            place = draw(st.integers(0, len(line) - 1))
            line = line[:place] + bytes([draw(st.integers(0, 255))]) + line[place + 1 :]
        case 2:
            line = draw(st.sampled_from([b"\xef\xbb\xbf", b" ", b"\0\0", b"\r"])) + line
        case 3:
            line += draw(st.sampled_from([b"\r", b" ", b"\0", b" x", b"{}", b","]))
    return line.replace(b"\n", b" ")


@functools.cache
def decoders(place: int) -> tuple[Process, Decoder, BlockDecoder]:
    of = PROCESSES[place]
    reference = Decoder(of, of.logs)
    quick = with_core(reference, of, of.logs)
    assert isinstance(quick, BlockDecoder)
    return of, reference, quick


def whole(counted: Mapping[Cell, Counted]) -> dict[Cell, Profile]:
    return {cell: each.whole() for cell, each in counted.items()}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([8, 9, 10]), st.lists(odd_lines("prediction"), min_size=1, max_size=20))
def test_both_ways_count_the_same_hours(place: int, chosen: list[bytes]) -> None:
    of, reference, quick = decoders(place)
    data = block(b"".join(line + b"\n" for line in chosen))
    assert of.baseline is not None
    taken, decoded = quick.decode(data, NOW), reference.decode(data, NOW)
    fold = Fold(of.baseline)
    assert whole(taken.profiles(fold)) == decoded.profiles(fold)
    last = {len(decoded) - 1}
    assert whole(taken.without(last).profiles(fold, [taken])) == decoded.without(last).profiles(fold, [decoded])
    for cell, profile in taken.profiles(fold).items():
        expected = copy.deepcopy(decoded.profiles(fold)[cell]).plus(decoded.profiles(fold)[cell])
        assert profile.plus(taken.profiles(fold)[cell]).whole() == expected
        assert profile.plus(decoded.profiles(fold)[cell]) == expected.plus(decoded.profiles(fold)[cell])


def test_many_values_and_many_rows_are_counted_alike() -> None:
    of, reference, quick = decoders(8)
    assert of.baseline is not None
    chance = random.Random(7)
    rows = []
    for number in range(3000):
        country = chance.choice(["DE", "FR", "other", "ü" * 120, f"c{int(chance.paretovariate(0.7)) % 90}"])
        amount, truth = chance.lognormvariate(2, 2), chance.random() < 0.5
        features = {"amount": amount, "country": country, "any": truth, "more": number}
        row = prediction(-number, features=features, score=chance.random(), label=chance.random() < 0.3)
        rows.append(row | {"decision": f"d{int(chance.paretovariate(0.6)) % 90}", "latency": chance.random()})
    data = block(lines(*rows))
    expected = reference.decode(data, NOW).profiles(Fold(of.baseline))
    assert whole(quick.decode(data, NOW).profiles(Fold(of.baseline))) == expected
    assert max(len(each.features["country"].unseen) for each in expected.values()) == 51


def test_hours_add_up_in_the_core_as_they_do_in_python() -> None:
    of, reference, quick = decoders(8)
    assert of.baseline is not None
    fold, chance = Fold(of.baseline), random.Random(8)
    sums: dict[str, Counted] = {}
    for batch in range(40):
        rows = []
        for number in range(60):
            country = chance.choice(["DE", "7", "FR", "other", f"c{batch}-{chance.randrange(40)}"])
            features = {"amount": chance.randrange(50), "country": country, "any": chance.random() < 0.5}
            rows.append(prediction(-60 - number, features=features, score=chance.random(), label=1))
        data = block(lines(*rows))
        for way, decoder_ in (("core", quick), ("reference", reference)):
            (more,) = decoder_.decode(data, NOW).profiles(fold).values()
            sums[way] = sums[way].plus(more) if batch else more
    assert sums["core"].whole() == sums["reference"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PROCESSES) - 1), st.lists(odd_lines(), min_size=1, max_size=12))
def test_both_ways_make_the_same_of_every_mixture_of_lines(place: int, chosen: list[bytes]) -> None:
    of, reference, quick = decoders(place)
    data = block(b"".join(line + b"\n" for line in chosen), start=10**12)
    same(quick.decode(data, NOW), reference.decode(data, NOW), of)


def test_every_hostile_value_in_every_field_comes_out_the_same() -> None:
    for place, of in enumerate(PROCESSES):
        _, reference, quick = decoders(place)
        usual: dict[str, str] = {name: values[0] for name, values in USUAL.items()}
        for record in of.kind.records:
            keys = ["@timestamp", "type", "id", *record.properties.keys() - {"feedback"}]
            told = {**usual, "type": f'"{record.name}"', "event": '"chat"'}
            keys += ["event"] if place == 4 else []
            data = b""
            for name in keys:
                for value in HOSTILE:
                    fields = {key: value if key == name else told.get(key, '"x"') for key in keys}
                    text = ",".join(f'"{key}":{each}' for key, each in fields.items())
                    data += f"{{{text}}}\n".encode("utf-8", "surrogatepass")
            same(quick.decode(block(data), NOW), reference.decode(block(data), NOW), of)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["r", ".17g", ".20f", ".3e", ".25e"]))
@example(5e-324, "r")
@example(1.7976931348623157e308, ".25e")
def test_numbers_are_rounded_to_the_nearest_double(number: float, form: str) -> None:
    text = repr(number) if form == "r" else format(number, form)
    line = f'{{"@timestamp":{STAMP},"type":"prediction","value":{text},"trace_id":"t"}}\n'.encode()
    decode(line, PROCESSES[-1])  # the exemplar shows the value as it is


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_nothing_panics(data: bytes) -> None:
    decode(data + b"\n")


def test_a_usual_log_has_no_odd_lines() -> None:
    usual = lines(
        interaction(id="e1", response="grüße", intent="a", confidence=0.5, latency=0.1, session="s", user="u",
                    model="m", model_version="1", input_tokens=1, output_tokens=2, cost=0.1, outcome="answered"),
        feedback(comment="thanks"),
        interaction(query="order 12345678, 1.03.2026"),
    )  # fmt: skip
    assert odd(process(), usual) == 0
    assert odd(process("classifier", features=FEATURES), lines(prediction(features={"amount": None, "n": [1]}))) == 0
    assert odd(process(), usual.replace(b"\n", b"\r\n")) == 0
    assert odd(process(), lines(interaction(query="I am a@example.org"))) == 0


def odd(of: Process, data: bytes) -> int:
    """How many lines the core leaves to the reference."""
    counted: list[bytes] = []

    class Counting(Decoder):
        def decode_line(self, line: bytes, *arguments: Any) -> None:
            counted.append(line)
            super().decode_line(line, *arguments)

    quick = with_core(Counting(of, of.logs), of, of.logs)
    assert len(quick.decode(block(data), NOW)) == data.count(b"\n")
    return len(counted)


def test_blocks_fold_together_as_if_they_were_one_and_without_what_was_left_out() -> None:
    of, reference, quick = decoders(0)
    first = lines(interaction(-100, session="a", cost=0.1), b"nonsense", interaction(-90, session="b", id='odd"'))
    second = lines(interaction(-80, session="a", cost=0.2), feedback(), interaction(-5000, session="a", cost=0.7))
    known = {"a": NOW.timestamp() - 9000, "b": NOW.timestamp() - 1900}
    taken = [quick.decode(block(data), NOW) for data in (first, second)]
    decoded = [reference.decode(block(data), NOW) for data in (first, second)]
    assert folded(of, *taken, sessions=dict(known)) == folded(of, *decoded, sessions=dict(known))
    for places in ([0], [1], [0, 2], [0, 1, 2]):
        fewer = [each.without(places) for each in taken]
        assert folded(of, *fewer) == folded(of, *[each.without(places) for each in decoded])
        for one, other in zip(fewer, decoded, strict=True):
            same(one, other.without(places), of)
    twice = taken[1].without([0]).without([0])
    same(twice, decoded[1].without([0, 1]), of)


def test_lines_without_an_id_are_named_by_their_place_or_rejected_when_that_is_too_long() -> None:
    of, reference, quick = decoders(0)
    for stream in ("5a", 'quote"', "ü" * 190, "ü" * 230, "x" * 520):
        data = lines(interaction(), interaction(id="e1"))
        position = block(data).position
        for offsets in (None, (7, 2**40)):
            given_ = Block(stream, 5, data, position, (Oversized(1, 9, b"head"),), offsets)
            same(quick.decode(given_, NOW), reference.decode(given_, NOW), of)


def test_times_at_the_edge_of_what_is_believed_are_taken_or_rejected_alike() -> None:
    of, reference, quick = decoders(0)
    stamps = ["1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "2000-01-01T00:59:59+01:00"]
    stamps += [(NOW + timedelta(days=1, microseconds=shift)).isoformat() for shift in (-1, 0, 1)]
    data = lines(*[interaction() | {"@timestamp": stamp} for stamp in stamps])
    same(quick.decode(block(data), NOW), reference.decode(block(data), NOW), of)


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31), st.integers(-1440, 1440), st.integers(0, 10**9))
def test_every_day_gets_its_own_index(year: int, month: int, day: int, minutes: int, fraction: int) -> None:
    sign, offset = "-" if minutes < 0 else "+", abs(minutes)
    zone = f"{sign}{offset // 60:02d}:{offset % 60:02d}"
    stamp = f"{year % 27 + 2000:04d}-{month:02d}-{day:02d}T{offset % 24:02d}:59:59.{fraction:09d}"[:29] + zone
    decode(lines(interaction() | {"@timestamp": stamp}))


def test_deep_nesting_and_long_texts_overflow_nothing() -> None:
    deep = b'{"@timestamp":' + STAMP.encode() + b',"type":"prediction","features":{"more":'
    for depth in (10, 64, 65, 100_000):
        decode(deep + b"[" * depth + b"]" * depth + b"}}\n", PROCESSES[5])
        decode(deep + b'{"a":' * depth + b"1" + b"}" * depth + b"}}\n", PROCESSES[5])
    decode(lines(interaction(query="\\" * 100_000, response='"' * 100_000, intent="\u00fc\n" * 100)))


def test_the_memory_of_a_block_is_not_multiplied() -> None:
    data = lines(*[interaction(query="x" * 300) for _ in range(100)])
    taken = decoders(0)[2].decode(block(data), NOW)
    assert isinstance(taken, Taken)
    assert taken.documents().size < 2 * len(data)
    assert json.loads(taken.documents()[99].split(b"\n")[1])["query"] == "x" * 300
    assert struct.calcsize("I") == 4  # as which the places of documents are handed over


@given(
    st.lists(st.floats() | st.sampled_from([0.0, -0.0, 1.0, 2.0, math.inf, -math.inf, math.nan]), max_size=40),
    st.sets(st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0, 2.0]), max_size=9),
)
@example([0.0, -0.0], {-0.0})
def test_bins_are_counted_as_the_shape_of_a_number_says(values: list[float], chosen: set[float]) -> None:
    edges = sorted(chosen)
    counts, nans = _core.bin_counts(np.array(values * 90, float), np.array(edges, float))
    places = [Numeric(tuple(edges)).place(value) for value in values if not math.isnan(value)]
    assert counts == [90 * places.count(place) for place in range(len(edges) + 1)]
    assert nans == 90 * (len(values) - len(places))


@pytest.mark.parametrize("number", [0, 1, 2, 31, 255])
@pytest.mark.parametrize(
    "law",
    [
        pytest.param(lambda rng, size: rng.standard_normal(size), id="bell"),
        pytest.param(lambda rng, size: rng.choice([-1, 1], size) * 10.0 ** rng.uniform(-320, 308, size), id="any size"),
        pytest.param(lambda rng, size: rng.uniform(-1, 1, size) * 1.79e308, id="wider than a number can say"),
        pytest.param(lambda rng, size: np.where(rng.random(size) < 0.1, 1e300, rng.random(size)), id="far outliers"),
        pytest.param(lambda rng, size: rng.integers(-300, 300, size) * 5e-324, id="the smallest numbers"),
        pytest.param(lambda rng, size: 1.0 + rng.integers(-300, 300, size) * 2.0**-52, id="neighbours"),
        pytest.param(lambda rng, size: rng.integers(-300, 300, size) / 2, id="halves"),
    ],
)
def test_bins_are_counted_as_a_search_among_the_edges_does(law: Callable[..., Any], number: int) -> None:
    rng = np.random.default_rng(number)
    edges = rng.permutation(np.unique(law(rng, 1000)))[:number]
    edges.sort()
    near = [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), [0.0, -0.0, np.inf, -np.inf]]
    values = np.concatenate([*near, law(rng, 20_000)])
    counts, nans = _core.bin_counts(np.insert(values, slice(None, None, 7), np.nan), edges)
    assert counts == np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).tolist()
    assert nans == len(values[::7])
    assert _core.bin_counts(np.repeat(values, 2)[::2], edges) == (counts, 0)  # a buffer with gaps


@pytest.mark.parametrize("edges", [np.arange(256.0), np.array([0.0, np.inf]), np.array([np.nan])])
def test_edges_that_cannot_be_searched_are_refused(edges: Any) -> None:
    with pytest.raises(ValueError, match="more than 255 edges, or infinite ones"):
        _core.bin_counts(np.zeros(1), edges)
