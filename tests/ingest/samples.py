"""Processes, lines and blocks that the tests of the data half share."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiwatch.catalogue.model import Catalogue, Framework, Process, build_process
from aiwatch.ingest.batch import Lines
from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.core import BlockDecoder, with_core
from aiwatch.ingest.decode import Decoded, Decoder
from aiwatch.ingest.documents import body_of
from aiwatch.kinds.base import Delta, SessionBook
from aiwatch.kinds.folding import Folding

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def process(kind: str = "chat", name: str = "bot", **settings: Any) -> Process:
    """A process of a kind; ``settings`` as in its file."""
    data = {"name": name, "title": name, "kind": kind, "business_unit": "sales", "owner": "a@example.com"}
    return build_process(data | settings)


def catalogue(*processes: Process) -> Catalogue:
    return Catalogue(Framework(), tuple(sorted(processes, key=lambda each: each.name)))


def at(seconds: float) -> str:
    """A time on the day of `NOW`, which is its noon."""
    return (NOW + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def interaction(seconds: float = -3600, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": at(seconds), "type": "interaction", "query": "where is my card?"} | fields


def feedback(seconds: float = -60, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": at(seconds), "type": "feedback", "interaction": "e1", "rating": "up"} | fields


def prediction(seconds: float = -3600, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": at(seconds), "type": "prediction", "features": {"amount": 12.5}} | fields


def lines(*records: Mapping[str, Any] | bytes) -> bytes:
    """Records, or lines as they are, as the content of a log."""
    return b"".join(each + b"\n" if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in records)


def block(data: bytes, stream: str = "5a", start: int = 0) -> Block:
    position = Position(stream, "bot:bot/*.jsonl", "/logs/bot/a.jsonl", 1, 2, "", 0, start + len(data))
    return Block(stream, start, data, position)


def decoder(of: Process | None = None) -> Decoder:
    return Decoder(of, of.logs) if of is not None else _usual_decoder()


@functools.cache
def _usual_decoder() -> Decoder:
    return Decoder(process(), process().logs)


def decode(data: bytes, of: Process | None = None, now: datetime = NOW) -> Decoded:
    """What the reference makes of lines; the core is held to the same."""
    of, reference = of or process(), decoder(of)
    decoded = reference.decode(block(data), now)
    quick = with_core(reference, of, of.logs)
    if isinstance(quick, BlockDecoder):
        same(quick.decode(block(data), now), decoded, of)
    return decoded


def same(taken: Lines, decoded: Lines, of: Process) -> None:
    """Hold two ways of decoding to the same result."""
    assert list(taken.documents()) == list(decoded.documents())
    assert [taken.entry(place) for place in range(len(taken))] == [decoded.entry(n) for n in range(len(decoded))]
    assert (taken.lines, taken.rejects) == (decoded.lines, decoded.rejects)
    assert taken.types() == decoded.types()
    for type_ in decoded.types():
        assert taken.documents_of(type_) == decoded.documents_of(type_)
    (one, sessions), (other, others) = folded(of, taken), folded(of, decoded)
    assert (one.counters, one.histograms, one.maxima) == (other.counters, other.histograms, other.maxima)
    assert list(one.counters) == list(other.counters)  # the order decides which label values find a place
    assert list(sessions.items()) == list(others.items())


def folded(of: Process, *decoded: Lines, sessions: dict[str, float] | None = None) -> tuple[Delta, dict[str, float]]:
    """What lines add to the metrics, and the sessions that they touch."""
    bounds = of.kind.bounds(of.options, of.latency_thresholds)
    book = SessionBook(sessions or {})
    folding = Folding(of.name, of.kind.recipes(of.options), bounds, book, Delta())
    first, *further = decoded
    first.fold(folding, further)
    return folding.delta, book.touched


def documents(decoded: Decoded) -> list[dict[str, Any]]:
    return [json.loads(body_of(document)) for document in decoded.documents()]


def reasons(decoded: Decoded) -> list[str]:
    return [reject.reason for reject in decoded.rejects]
