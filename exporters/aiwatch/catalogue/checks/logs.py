"""What must hold within the logs of a process: fields, units, and lines that can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

import msgspec

from aiwatch.catalogue.checks.plain import check_repeats, mapping, mappings, texts
from aiwatch.catalogue.model import Unit
from aiwatch.catalogue.yaml_places import Document, Path
from aiwatch.hints import did_you_mean
from aiwatch.kinds.base import Kind, RecordType

IGNORE = "ignore"
"""The value of `record` for lines that are dropped."""

_UNITS = {
    "time": ("rfc3339", "s", "ms", "us", "ns"),
    "duration": ("s", "ms", "us", "ns"),
    "ratio": ("ratio", "percent"),
}
_OPTION_OF_FIELD = {"intent": "intents", "decision": "decisions"}


def check_logs(document: Document, data: Mapping[str, Any], kind: Kind) -> None:
    """Note what contradicts itself in the logs of a process."""
    records = {record.name: record for record in kind.records}
    logs = list(mappings(data.get("logs")))
    for index, log in logs:
        path: Path = ("logs", index)
        name = log.get("record")
        if name == IGNORE:
            for key in ("fields", "keep"):
                if log.get(key):
                    message = "has no effect, for these lines are ignored"
                    document.complain((*path, key), message, "remove it", key=True)
            if not log.get("when"):
                hint = "say which ones under `when`, or remove the log"
                document.complain(path, "ignores every line", hint)
        elif isinstance(name, str) and name not in records:
            hint = did_you_mean(name, [*records, IGNORE])
            document.complain((*path, "record"), f"kind {kind.name!r} has no record {name!r}", hint)
        elif isinstance(name, str) and isinstance(log.get("fields"), dict):
            _check_fields(document, data, (*path, "fields"), log["fields"], records[name])
    _check_shared_places(document, logs)


def _check_fields(
    document: Document, data: Mapping[str, Any], path: Path, fields: Mapping[str, Any], record: RecordType
) -> None:
    known = msgspec.structs.fields(record.struct)
    allowed = [field.name for field in known]
    for name, source in fields.items():
        here = (*path, name)
        if name not in allowed:
            message = f"record {record.name!r} has no field {name!r}"
            document.complain(here, message, did_you_mean(name, allowed), key=True)
        elif isinstance(source, dict):
            _check_unit(document, here, name, source.get("unit"), record)
            if source.get("timezone") and record.dimensions.get(name) != "time":
                document.complain((*here, "timezone"), f"field {name!r} is not a time", "remove it")
            _check_values(document, here, source.get("values"), _choices(data, record, name))
    for field in known:
        if field.required and field.name not in fields:
            message = f"field {field.name!r} of record {record.name!r} is not mapped, which every line needs"
            document.complain(path, message, f"add `{field.name}: <its key in the log>`")


def _check_unit(document: Document, path: Path, name: str, unit: Any, record: RecordType) -> None:
    if not isinstance(unit, str) or unit not in get_args(Unit):
        return
    dimension = record.dimensions.get(name)
    if dimension is None:
        document.complain((*path, "unit"), f"field {name!r} has no unit", "remove it")
    elif unit not in _UNITS[dimension]:
        units = ", ".join(_UNITS[dimension])
        message = f"field {name!r} is a {dimension}, not to be read from {unit}"
        document.complain((*path, "unit"), message, f"one of {units}")


def _choices(data: Mapping[str, Any], record: RecordType, name: str) -> Sequence[str]:
    if name in record.choices:
        return record.choices[name]
    return [text for _, text in texts(data.get(_OPTION_OF_FIELD.get(name, "")))]


def _check_values(document: Document, path: Path, values: Any, allowed: Sequence[str]) -> None:
    for said, meant in mapping(values).items():
        if allowed and isinstance(meant, str) and meant not in allowed:
            hint = did_you_mean(meant, allowed)
            document.complain((*path, "values", said), f"{meant!r} is not a value of {path[-1]}", hint)


def _place(log: Mapping[str, Any]) -> str | None:
    """Return what tells the place that a log is read from, as far as it is written: see `Log.place`."""
    source = log.get("source", "jsonl")
    where = {"jsonl": log.get("path"), "kafka": log.get("topic"), "http": "", "stdin": ""}
    found = where.get(source) if isinstance(source, str) else None
    if not isinstance(found, str):
        return None
    return found if source == "jsonl" else f"{source}:{found}".removesuffix(":")


def _check_shared_places(document: Document, logs: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Lines of a place with several readings must be told apart, by one key."""
    readings: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for index, log in logs:
        if place := _place(log):
            readings.setdefault(place, []).append((index, log))
    for place, same in readings.items():
        if len(same) < 2:
            continue
        whens: list[tuple[int, tuple[str, Any]]] = []
        for index, log in same:
            when = mapping(log.get("when"))
            if not when:
                message = f"several logs read {place}, and this one does not say which lines are its"
                document.complain(("logs", index), message, "add `when: {<key>: <value>}`")
            whens.extend((index, item) for item in when.items())
        for (first, one), (index, other) in pairwise(whens):
            if one[0] != other[0]:
                line = document.line(("logs", first))
                message = f"lines of {place} are told apart by {one[0]!r} on line {line}"
                document.complain(("logs", index, "when"), message, "use the same key")
        conditions = [(index, f"{key}: {value}") for index, (key, value) in whens]
        check_repeats(document, ("logs",), conditions, "condition", "when")
