"""How the lines of a log entry become records: field names, nested keys, units, values and time zones.

A log in aiwatch's own format is decoded straight into the record. Of a mapped one (``fields`` or ``keep``) the
top-level keys that matter are decoded first; their values are converted and then checked against the same record.
Where ``fields`` is given, only what it names is read: somebody else's ``latency`` may be in any unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import FieldSource, Log
from aiwatch.ingest import reasons
from aiwatch.kinds.base import Record, RecordType

_PARTS = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0, "percent": 100.0, "ratio": 1.0}  # of the base unit
_LONGEST_ID = 400  # characters; Elasticsearch takes 512 bytes, see `Decoder`
_LARGEST_INTEGER = 2**63 - 1
_LARGEST_NUMBER = 1e300  # a hundred million of these still have a finite sum
_NEVER = "\0"  # a tag that no line has

_TYPE = "type"  # the key by which aiwatch's own format tells records apart

OWN_KEYS = frozenset({names.PROCESS, names.LOG, names.ATTRIBUTES, _TYPE})  # of every document

Convert = Callable[[Any], Any]


class UnconvertibleError(ValueError):
    """A value that decodes but cannot be converted; ``reason`` is one of `aiwatch.ingest.reasons`."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why (``reason``) and what stands there (``detail``)."""
        super().__init__(detail)
        self.reason = reason


class Reader(msgspec.Struct, frozen=True):
    """How the lines of one record type are read; ``record`` is None for lines to be ignored.

    ``wire`` is the struct to decode into; ``convert`` makes the record of it, and is None where ``wire`` already
    is the record. ``loose`` is ``wire`` for lines with keys that it does not know, where those matter. ``known`` are
    the keys of the line that are read; of these ``texts`` hold free text and ``identifiers`` name events, people and
    models. ``constant`` is what ``when`` says of every line. ``keep`` returns the extra keys that the document carries
    on.
    """

    record: RecordType | None
    wire: Any
    loose: Any
    known: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    constant: Mapping[str, str] = {}
    convert: Convert | None = None
    keep: Callable[[Any], dict[str, Any]] | None = None


def build_reader(record: RecordType, log: Log) -> Reader:
    """Return the reader of a log entry's lines."""
    fields = [_checked_field(record, field) for field in msgspec.structs.fields(record.struct)]
    known = frozenset(field.encode_name for field in msgspec.structs.fields(record.struct))
    name, key = record.struct.__name__, _key(log)
    if log.fields is not None or log.keep or key in known | OWN_KEYS - {_TYPE}:
        checked = msgspec.defstruct(name, fields, frozen=True, kw_only=True, omit_defaults=True)
        return _mapped_reader(record, log, checked)
    if key != _TYPE:
        fields.append((_TYPE, Any, msgspec.field(default=None)))
    wire, loose = (
        msgspec.defstruct(
            name, fields, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=strict, **_tag(log)
        )
        for strict in (True, False)
    )
    known |= {_TYPE, key or _TYPE}
    texts = frozenset(record.text)
    constant = {} if key == _TYPE or log.when is None else log.when
    return Reader(record, wire, loose, known, texts, known - texts, constant)


def build_ignoring_reader(log: Log) -> Reader:
    """Return the reader of lines that the catalogue says to ignore."""
    wire = msgspec.defstruct("Ignored", [], frozen=True, **_tag(log))
    return Reader(None, wire, wire)


def build_absent_reader(log: Log) -> Reader:
    """Return a reader of no line at all: beside it, ``when`` is insisted on also where there is only one log."""
    wire = msgspec.defstruct("Absent", [], frozen=True, tag_field=_key(log), tag=_NEVER)
    return Reader(None, wire, wire)


def _key(log: Log) -> str | None:
    return None if log.when is None else next(iter(log.when))


def _tag(log: Log) -> dict[str, Any]:
    if log.when is None:
        return {}
    ((key, value),) = log.when.items()
    return {"tag_field": key, "tag": value}


def _checked_field(record: RecordType, field: Any) -> Any:
    """Return a field of the record narrowed to its range, its choices, a time with zone, an id that fits."""
    kind = field.type
    if field.name == "time":
        kind = Annotated[datetime, msgspec.Meta(tz=True)]
    elif field.name == "id":
        kind = Annotated[str, msgspec.Meta(max_length=_LONGEST_ID)]
    elif field.name in record.choices:
        choices = record.choices[field.name]
        choice: Any = Literal[choices]
        kind = choice | None if type(None) in get_args(kind) else choice
    elif (number := number_type(kind)) is not None:
        low, high = limits_of(record, field.name, number)
        besides = [part for part in get_args(kind) if part in (bool, type(None))]
        kind = reduce(or_, besides, Annotated[number, msgspec.Meta(ge=low, le=high)])
    default = {} if field.required else {"default": field.default}
    if field.default_factory is not msgspec.NODEFAULT:
        default = {"default_factory": field.default_factory}
    return field.name, kind, msgspec.field(name=field.encode_name, **default)


def limits_of(record: RecordType, field: str, number: Any) -> tuple[float, float]:
    """Return the range of a field that holds an ``int`` or a ``float``."""
    most = _LARGEST_INTEGER if number is int else _LARGEST_NUMBER
    low, high = record.ranges.get(field, (None, None))
    return -most if low is None else low, most if high is None else high


def number_type(kind: Any) -> Any:
    """Return ``int`` or ``float`` where a field's type is that, or optionally that; None otherwise."""
    return next((part for part in (kind, *get_args(kind)) if part in (int, float)), None)


def _mapped_reader(record: RecordType, log: Log, checked: Any) -> Reader:
    fields = {field.name: field for field in msgspec.structs.fields(record.struct)}
    sources = log.fields
    if sources is None:
        sources = {name: FieldSource(field=field.encode_name) for name, field in fields.items()}
    plan = [
        (fields[name].encode_name, _getter(source.field), _converter(fields[name], source))
        for name, source in sources.items()
    ]
    paths = [*log.keep, *(source.field for source in sources.values())]
    keep = {path: _getter(path) for path in log.keep}
    fixed = log.when or {}
    keys = sorted({key for path in paths for key in (path, path.split(".")[0])} - fixed.keys())
    attributes = {key: f"f{number}" for number, key in enumerate(keys)}
    wire = msgspec.defstruct(
        "Line",
        [(name, Any, msgspec.field(name=key, default=None)) for key, name in attributes.items()],
        frozen=True,
        kw_only=True,
        **_tag(log),
    )

    def found(line: Any) -> dict[str, Any]:
        return {**fixed, **{key: getattr(line, name) for key, name in attributes.items()}}

    def convert(line: Any) -> Record:
        held = found(line)
        values: dict[str, Any] = {}
        for encode_name, get, change in plan:
            value = get(held)
            if value is not None and (changed := change(value)) is not None:
                values[encode_name] = changed
        record_: Record = msgspec.convert(values, checked, strict=False)
        return record_

    def kept(line: Any) -> dict[str, Any]:
        held = found(line)
        return {path: value for path, get in keep.items() if (value := get(held)) is not None}

    texts = {source.field for name, source in sources.items() if name in record.text}
    identifiers = frozenset({source.field for source in sources.values()} | fixed.keys())
    return Reader(
        record, wire, wire, frozenset(keys), frozenset(texts), identifiers - texts, {}, convert, kept if keep else None
    )


def _getter(source: str) -> Convert:
    """Return what finds a value in a line: under the key as written, else along the dots."""
    path = source.split(".")

    def get(line: dict[str, Any]) -> Any:
        value = line.get(source)
        if value is not None or len(path) == 1:
            return value
        value = line
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return get


def _converter(field: Any, source: FieldSource) -> Convert:
    """Return what brings a value from the log's unit, words and types to the record's."""
    if bool in get_args(field.type):
        return partial(_number_or_truth, source.values)
    if source.values:
        return partial(_translate, source.values)
    if field.name == "time":
        return partial(_time, source.unit or "rfc3339", ZoneInfo(source.timezone) if source.timezone else None)
    number = number_type(field.type)
    if number is float:
        return partial(_scaled, _PARTS.get(source.unit or "", 1.0))
    if number is int:
        return _number
    if str in (field.type, *get_args(field.type)):
        return _text
    return _as_is


def _as_is(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    """Take numbers where text is due: ids and versions are often numbers in other people's logs."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _translate(values: dict[str, str], value: Any) -> str:
    if isinstance(value, dict | list):
        raise UnconvertibleError(reasons.WRONG_TYPE, "expected a single value to translate")
    word = str(value).lower() if isinstance(value, bool) else str(value)
    return values.get(word, word)


def _number(value: Any) -> int | float | None:
    """Return a number that may be written as text; None for no number: empty, NaN or infinite."""
    if isinstance(value, str):
        try:
            value = _number_in(value.strip())
        except ValueError:
            raise UnconvertibleError(reasons.WRONG_TYPE, "expected a number") from None
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnconvertibleError(reasons.WRONG_TYPE, "expected a number")
    return value


def _number_in(text: str) -> int | float | None:
    if not text:
        return None
    return int(text) if text.removeprefix("-").isdecimal() else float(text)


def _number_or_truth(values: dict[str, str], value: Any) -> int | float | None:
    """Return a number, where true is 1 and false is 0, however the log says it."""
    word = _translate(values, value)
    return int(word == "true") if word in ("true", "false") else _number(word)


def _scaled(parts: float, value: Any) -> float | None:
    number = _number(value)
    try:
        return None if number is None else number / parts  # a product with 0.001 would not give 0.7 for 700 ms
    except OverflowError:
        raise UnconvertibleError(reasons.OUT_OF_RANGE, "the number is too large") from None


def _time(unit: str, zone: ZoneInfo | None, value: Any) -> datetime:
    try:
        if unit != "rfc3339":
            seconds = _scaled(_PARTS[unit], value)
            if seconds is None:
                raise UnconvertibleError(reasons.BAD_TIME, "the time is empty")
            return datetime.fromtimestamp(seconds, UTC)
        if not isinstance(value, str):
            detail = "expected a time in words; for a number say `unit: s` or `unit: ms`"
            raise UnconvertibleError(reasons.BAD_TIME, detail)
        time = datetime.fromisoformat(value.strip())
        if time.tzinfo is None:
            if zone is None:
                detail = "the time names no time zone; say `timezone: UTC` or which"
                raise UnconvertibleError(reasons.BAD_TIME, detail)
            time = time.replace(tzinfo=zone)
        return time.astimezone(UTC)
    except UnconvertibleError as error:
        raise UnconvertibleError(reasons.BAD_TIME, str(error)) from None
    except (OverflowError, ValueError, OSError):
        detail = "not a time in RFC 3339" if unit == "rfc3339" else f"not a time in {unit} since 1970"
        raise UnconvertibleError(reasons.BAD_TIME, detail) from None
