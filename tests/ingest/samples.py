"""Processes, lines and blocks that the tests of the data half share."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiwatch.catalogue.model import Catalogue, Framework, Process, build_process
from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.decode import Decoded, Decoder
from aiwatch.ingest.documents import body_of

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
    return decoder(of).decode(block(data), now)


def documents(decoded: Decoded) -> list[dict[str, Any]]:
    return [json.loads(body_of(document)) for document in decoded.documents]


def reasons(decoded: Decoded) -> list[str]:
    return [reject.reason for reject in decoded.rejects]
