"""Ways in which a line is spoiled, each with the reason for which it must be rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to spoil the line of an interaction.

    Args:
        name: in words.
        reason: the label of the metric, and the reason in the dead letter.
        spoil: makes the line of a record, spoiled.
    """

    name: str
    reason: str
    spoil: Callable[[Record], bytes]


def plain(record: Record) -> bytes:
    """Return the line of a record."""
    return json.dumps(record).encode()


def _time_ahead(record: Record) -> bytes:
    ahead = datetime.now(UTC) + timedelta(days=3)
    return plain(record | {"@timestamp": ahead.isoformat(timespec="milliseconds").replace("+00:00", "Z")})


KINDS = (
    Kind("cut off", "not_json", lambda record: plain(record)[:-9]),
    Kind("not UTF-8", "invalid_utf8", lambda record: plain(record).replace(b"where is", b"where\xff\xfeis")),
    Kind("in a list", "not_an_object", lambda record: b"[" + plain(record) + b"]"),
    Kind("of another type", "unknown_record", lambda record: plain(record | {"type": "sale"})),
    Kind("without a time", "missing_field", lambda r: plain({k: v for k, v in r.items() if k != "@timestamp"})),
    Kind("text for a number", "wrong_type", lambda record: plain(record | {"latency": "slow"})),
    Kind("beyond the range", "out_of_range", lambda record: plain(record | {"confidence": 7})),
    Kind("not in the list", "unknown_value", lambda record: plain(record | {"outcome": "maybe"})),
    Kind("no time", "bad_time", lambda record: plain(record | {"@timestamp": "soon"})),
    Kind("three days ahead", "time_out_of_range", _time_ahead),
    Kind("a key twice", "document_refused", lambda record: plain(record)[:-1] + b', "query": "again"}'),
)
