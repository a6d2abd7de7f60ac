"""Blocks of lines become records with their documents; what cannot be decoded becomes a reject with its reason.

Most lines are as usual: aiwatch's own format, nothing to change. These go through together, each step over all lines
of a block before the next, so that the loops run in C (`Decoder._usual`); a line's own bytes become the document. Any
other line goes alone (`Decoder._entry`), and is taken apart and written anew where something must change: personal
data, an odd time, keys beyond the record's, names and units of other people's logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from itertools import accumulate, compress, repeat
from operator import or_
from typing import Any, TypeVar

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Log, Process
from aiwatch.ingest import reasons
from aiwatch.ingest.contracts import Block
from aiwatch.ingest.documents import head_of, make_document, neck_of
from aiwatch.ingest.mapping import (
    OWN_KEYS,
    Reader,
    UnconvertibleError,
    build_absent_reader,
    build_ignoring_reader,
    build_reader,
)
from aiwatch.ingest.mend import mend_json
from aiwatch.ingest.redact import build_redactor, redact_within, suspects
from aiwatch.kinds.base import Record, RecordType

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
_BLANK = b" \t\r\0"  # the NULs are a hole that truncation left in the file
_USUAL_TIME = re.compile(rb'"@timestamp": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"')
_ID_BYTES = 512  # Elasticsearch's limit
_PLAIN_ID = 100  # characters; longer ones are looked at singly
_DIGITS_TO_0 = bytes(48 if 48 <= code <= 57 else code for code in range(256))
_DETAIL_LENGTH = 300


Column = TypeVar("Column")
Spot = tuple[str, int]  # where a line stands: stream and offset


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One accepted line: its record, as which type it was read, the document to store, and where it stood first."""

    record: Record
    type: str
    document: bytes
    line: bytes
    spot: Spot


class Reject(msgspec.Struct, frozen=True):
    """One line that was not accepted, with the place where it stands. Nothing in it is personal data any more."""

    process: str
    source: str
    reason: str
    detail: str
    path: str
    stream: str
    offset: int
    line: bytes


class Decoded(msgspec.Struct):
    """What one block holds. The accepted lines stand in columns: what an `Entry` has of each, in their order."""

    lines: int = 0
    records: list[Record] = []
    types: list[str] = []
    documents: list[bytes] = []
    texts: list[bytes] = []
    spots: list[Spot] = []
    rejects: list[Reject] = []

    def add(self, entry: Entry) -> None:
        """Append an accepted line."""
        self.records.append(entry.record)
        self.types.append(entry.type)
        self.documents.append(entry.document)
        self.texts.append(entry.line)
        self.spots.append(entry.spot)

    def keep(self, places: Sequence[int]) -> Decoded:
        """Return the same with only the accepted lines at ``places``, in this order."""

        def chosen(column: list[Column]) -> list[Column]:
            return [column[place] for place in places]

        return Decoded(
            self.lines,
            chosen(self.records),
            chosen(self.types),
            chosen(self.documents),
            chosen(self.texts),
            chosen(self.spots),
            self.rejects,
        )

    def in_order(self) -> Decoded:
        """Return the same with the accepted lines in the order in which they stand in the log."""
        return self.keep(sorted(range(len(self.spots)), key=self.spots.__getitem__))

    def by_type(self) -> dict[str, list[Record]]:
        """Return the records of each type, in their order."""
        types = dict.fromkeys(self.types)
        if len(types) == 1:
            return dict.fromkeys(types, self.records)
        return {each: list(compress(self.records, map(each.__eq__, self.types))) for each in types}

    def entry(self, place: int) -> Entry:
        """Return one accepted line."""
        return Entry(
            self.records[place], self.types[place], self.documents[place], self.texts[place], self.spots[place]
        )

    def entries(self) -> list[Entry]:
        """Return every accepted line."""
        return [self.entry(place) for place in range(len(self.records))]


class Decoder:
    """Decodes the lines of the log entries of one process that share a path."""

    def __init__(self, process: Process, logs: Sequence[Log]) -> None:
        """Prepare for ``logs``, which share one path and one key in ``when``."""
        self.process = process.name
        self.source = source_key(process, logs[0].place)
        readers = [
            build_ignoring_reader(log)
            if log.record == "ignore"
            else build_reader(process.kind.record(log.record), log, process.kind.narrow(process.options))
            for log in logs
        ]
        if len(readers) == 1 and logs[0].when is not None:
            readers.append(build_absent_reader(logs[0]))
        self._readers: dict[Any, Reader] = {wire: each for each in readers for wire in (each.loose, each.wire)}
        self._names = {wire: each.record.name for wire, each in self._readers.items() if each.record is not None}
        self._json = msgspec.json.Decoder(_any_of(reader.wire for reader in readers))
        self._loose_json = msgspec.json.Decoder(_any_of(reader.loose for reader in readers))
        self._identifiers = frozenset[str]().union(*(each.identifiers for each in readers))
        self._identifiers -= frozenset[str]().union(*(each.texts for each in readers))
        self._redact = build_redactor(process.file.redact)
        texts = {name for each in readers if each.record is not None for name in each.record.text}
        self._texts = sorted(texts) if process.file.redact else []
        self._own = all(reader.convert is None for reader in readers)
        self._heads: dict[tuple[str, date], str] = {}

    def decode(self, block: Block, now: datetime) -> Decoded:
        """Return the records and rejects of ``block``; ``now`` bounds the times that are believed."""
        decoded = Decoded()
        self.reject_oversized(block, decoded)
        path, latest = block.position.path, now + AHEAD
        raw = block.data.split(b"\n")
        raw.pop()  # behind the last newline
        offsets: Iterable[int] = block.offsets or accumulate([len(each) + 1 for each in raw], initial=block.start)
        spots = list(zip(repeat(block.stream, len(raw)), offsets, strict=False))  # the last sum is one too many
        lines = list(map(bytes.strip, raw, repeat(_BLANK)))
        if b"" in lines:
            held = [(line, spot) for line, spot in zip(lines, spots, strict=True) if line]
            lines, spots = [line for line, _ in held], [spot for _, spot in held]
        places: Iterable[int] = range(len(lines))
        if self._own and lines:
            places = self._usual(lines, spots, block.data.isascii(), latest, decoded)
        for place in places:
            self.decode_line(lines[place], spots[place], spots[place], path, latest, decoded)
        return decoded.in_order() if self._own and places else decoded

    def reject_oversized(self, block: Block, decoded: Decoded) -> None:
        """Add the rejects of the lines that were too long to be read."""
        for long in block.oversized:
            decoded.lines += 1
            spot, detail = (block.stream, long.offset), f"{long.length} bytes"
            decoded.rejects.append(self._reject(block.position.path, spot, long.head, reasons.LINE_TOO_LONG, detail))

    def decode_line(self, line: bytes, spot: Spot, place: Spot, path: str, latest: datetime, decoded: Decoded) -> None:
        """Add one line's record or reject to ``decoded``.

        ``spot`` is where the line stood first, which names an event without an id; ``place`` is where it is read now,
        which tells a repeated delivery from a repeated event. They differ when it is replayed.
        """
        decoded.lines += 1
        try:
            entry = self._entry(line, spot, place, latest)
        except UnconvertibleError as error:
            reason, detail = error.reason, str(error)
        except UnicodeDecodeError as error:
            reason, detail = reasons.INVALID_UTF8, f"byte {error.start} of the text"
        except msgspec.MsgspecError as error:
            reason, detail = reasons.classify(str(error)), str(error)
        except RecursionError:
            reason, detail = reasons.NOT_JSON, "nested too deeply"
        else:
            if entry is not None:
                decoded.add(entry)
            return
        decoded.rejects.append(self._reject(path, spot, line, reason, detail))

    def refuse(self, block: Block, entry: Entry, detail: str) -> Reject:
        """Return the reject for an entry whose document was refused."""
        return self._reject(block.position.path, entry.spot, entry.line, reasons.DOCUMENT_REFUSED, detail)

    def _reject(self, path: str, spot: Spot, line: bytes, reason: str, detail: str) -> Reject:
        """Return the reject of a line, redacted; what names events and people by ids stays."""
        cut = self._redact(detail[: 2 * _DETAIL_LENGTH])[:_DETAIL_LENGTH]
        return Reject(self.process, self.source, reason, cut, path, *spot, self._redacted_line(line))

    def _redacted_line(self, line: bytes) -> bytes:
        try:
            line.decode()
            fields = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            clean = self._redacted_fields(fields, self._identifiers)
            return line if clean == fields else msgspec.json.encode(clean)
        text = line.decode("utf-8", "surrogateescape")
        plain = text.replace("\\u0040", "@").replace("\\u002B", "+").replace("\\u002b", "+")
        clean_text = self._redact(plain)
        return line if clean_text == plain else clean_text.encode("utf-8", "surrogateescape")

    def _redacted_fields(self, fields: dict[str, Any], but: frozenset[str]) -> dict[str, Any]:
        redact = self._redact
        return {
            key if key in but else redact(key): value if key in but else redact_within(value, redact)
            for key, value in fields.items()
        }

    # -- the way of the usual lines: keep it short -----------------------------------------------------------

    def _usual(
        self, lines: list[bytes], spots: list[Spot], ascii_only: bool, latest: datetime, decoded: Decoded
    ) -> list[int]:
        """Add the lines that need no change, and return the places of all others.

        Each statement is one pass over the block that runs in C, or a comprehension with as little in it as can be.
        """
        records = self._records(lines)
        odd = {place for place, record in enumerate(records) if record is None}
        if not ascii_only:  # msgspec passes over the bytes of fields that it was not asked for: they may be no UTF-8
            odd.update(place for place, line in enumerate(lines) if not line.isascii() and not _is_utf8(line))
        odd.update(_odd_times(lines))
        held, places = _others(records, odd), _others(range(len(lines)), odd)
        if held and (found := self._odd_records(held, latest)):
            odd.update(places[each] for each in found)
            held = _others(held, found)
        if odd:
            lines, spots = _others(lines, odd), _others(spots, odd)
        if held:
            types = list(map(type, held))
            decoded.records += held
            decoded.types += map(self._names.__getitem__, types)
            decoded.documents += self._documents(held, types, lines, spots)
            decoded.texts += lines
            decoded.spots += spots
            decoded.lines += len(held)
        return sorted(odd)

    def _records(self, lines: list[bytes]) -> list[Any]:
        """Decode all lines, with None for those that do not fit, or are to be ignored."""
        records: list[Any] = []
        keep, remaining = records.append, iter(lines)
        while len(records) < len(lines):
            try:
                for record in map(self._json.decode, remaining):  # goes on behind the line that failed
                    keep(record)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                keep(None)
        ignored = set(map(type, records)) - self._names.keys()
        return [None if type(each) in ignored else each for each in records] if ignored else records

    def _odd_records(self, records: list[Any], latest: datetime) -> set[int]:
        """Return the places of records with an unbelievable time, an unusual id, or personal data."""
        odd: set[int] = set()
        times = [record.time for record in records]
        if min(times) < _EARLIEST or max(times) > latest:
            odd.update(place for place, time in enumerate(times) if not _EARLIEST <= time <= latest)
        ids = [record.id for record in records]
        if not _is_plain("".join(ids)) or max(map(len, ids)) > _PLAIN_ID:
            odd.update(place for place, each in enumerate(ids) if not _is_plain(each) or len(each) > _PLAIN_ID)
        for name in self._texts:
            texts = [getattr(each, name, None) for each in records]
            odd.update(place for place in suspects(texts) if self._redact(text := str(texts[place])) != text)
        return odd

    def _documents(self, records: list[Any], types: list[Any], lines: list[bytes], spots: list[Spot]) -> list[bytes]:
        """Return the documents: the lines' own bytes behind what says where they belong and stood."""
        families = {each: record.family for each in set(types) if (record := self._readers[each].record) is not None}
        stream, neck = spots[0][0], neck_of(self.process, spots[0][0])
        times = [record.time for record in records]
        if self._day(min(times)) == self._day(max(times)):
            by_type = {each: self._head(family, times[0]) for each, family in families.items()}
            heads = [by_type[each] for each in types]
        else:
            heads = [self._head(families[each], time) for each, time in zip(types, times, strict=True)]
        # An id that is plain stands between quotes as it is. What follows on the line's brace is taken over.
        return [
            f"{head}{record.id or f'{stream}:{offset}'}{neck}{offset}}},".encode() + line[1:]
            for head, record, (_, offset), line in zip(heads, records, spots, lines, strict=True)
        ]

    # -- the way of a single line ----------------------------------------------------------------------------

    def _entry(self, line: bytes, spot: Spot, place: Spot, latest: datetime) -> Entry | None:
        usual = True
        try:
            wire = self._json.decode(line)
        except msgspec.DecodeError:
            usual = False
            line, wire = self._second_try(line)
        if not line.isascii():
            line.decode("utf-8")  # msgspec passes over the bytes of fields that it was not asked for
        reader = self._readers[type(wire)]
        record_type = reader.record
        if record_type is None:
            return None
        record: Any = wire if reader.convert is None else reader.convert(wire)
        time = record.time
        if not _EARLIEST <= time <= latest:
            raise UnconvertibleError(reasons.TIME_OUT_OF_RANGE, f"{time.isoformat()} is not believable")
        redacted = self._redacted_text(record_type, record)
        if redacted:
            record = msgspec.structs.replace(record, **redacted)
        if usual and not redacted and reader.convert is None and _USUAL_TIME.search(line) is not None:
            rest = line[1:]
        else:
            rest = self._rendered(reader, record, wire, line)
        stream, offset = place
        event = record.id or f"{spot[0]}:{spot[1]}"
        if len(f"{self.process}:{event}".encode()) > _ID_BYTES:
            raise UnconvertibleError(reasons.OUT_OF_RANGE, f"the id is longer than {_ID_BYTES} bytes")
        document = make_document(
            self._head(record_type.family, time), event, neck_of(self.process, stream), offset, rest
        )
        return Entry(record, record_type.name, document, line, spot)

    def _head(self, family: str, time: datetime) -> str:
        day = self._day(time)
        found = self._heads.get((family, day))
        if found is None:
            index = f"{names.INDEX_PREFIX}{family}-{day:%Y.%m.%d}"
            found = self._heads[family, day] = head_of(index, self.process)
        return found

    @staticmethod
    def _day(time: datetime) -> date:
        return (time if time.tzinfo is UTC else time.astimezone(UTC)).date()

    def _redacted_text(self, record_type: RecordType, record: Any) -> dict[str, str]:
        """Return the texts of a record that hold personal data, cleaned."""
        found: dict[str, str] = {}
        for name in record_type.text:
            text = getattr(record, name)
            if text is not None and (clean := self._redact(text)) != text:
                found[name] = clean
        return found

    # -- where a line is not as usual ----------------------------------------------------------------------

    def _second_try(self, line: bytes) -> tuple[bytes, Any]:
        """Decode a line with keys beyond the record's, or with what JSON does not allow but programs write."""
        if not line.isascii():
            line = line.removeprefix(b"\xef\xbb\xbf")
            line.decode("utf-8")
        line = mend_json(line)
        return line, self._loose_json.decode(line)

    def _rendered(self, reader: Reader, record: Any, wire: Any, line: bytes) -> bytes:
        """Return the document written anew: the record's fields, and what the line or the catalogue keeps besides."""
        assert reader.record is not None
        body = b'"type":"%b",%b' % (reader.record.name.encode(), msgspec.json.encode(_untagged(reader, record))[1:])
        extras: dict[str, Any] = dict(reader.constant)
        attributes: dict[str, Any] = {}
        if reader.keep is not None:
            attributes = self._redacted_fields(reader.keep(wire), frozenset())
        elif reader.convert is None and isinstance(wire, reader.loose):
            taken = OWN_KEYS | reader.record.properties.keys()
            for key, value in msgspec.json.decode(line).items():
                if key not in reader.known:
                    place = attributes if key in taken or key.startswith("_") else extras
                    place[key] = value
            attributes, extras = (self._redacted_fields(each, frozenset()) for each in (attributes, extras))
        if attributes:
            extras[names.ATTRIBUTES] = attributes
        return body if not extras else msgspec.json.encode(extras)[1:-1] + b"," + body


def _others(column: Sequence[Column], left_out: set[int]) -> list[Column]:
    """Return the column without the places that are left out."""
    if not left_out:
        return list(column)
    return [each for place, each in enumerate(column) if place not in left_out]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_plain(text: str) -> bool:
    """Tell whether a text stands in JSON as it is."""
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def _odd_times(lines: list[bytes]) -> list[int]:
    """Return the places of lines whose time is not written as Elasticsearch reads it.

    Most logs write all times alike, at the line's beginning: then one comparison of all beginnings, with every digit
    made a 0, spares looking at each.
    """
    first = _USUAL_TIME.search(lines[0])
    if first is not None:
        beginnings = b"".join([line[: first.end()] for line in lines])
        if beginnings.translate(_DIGITS_TO_0) == lines[0][: first.end()].translate(_DIGITS_TO_0) * len(lines):
            return []
    return [place for place, line in enumerate(lines) if _USUAL_TIME.search(line) is None]


def source_key(process: Process, place: str) -> str:
    """Return the key under which the checkpoint keeps the positions of a process's log."""
    return f"{process.name}:{place}"


def _any_of(wires: Iterable[Any]) -> Any:
    return reduce(or_, wires)


def _untagged(reader: Reader, record: Any) -> Any:
    """Return the record as a struct without a tag, which would be written too."""
    assert reader.record is not None
    if reader.convert is not None:
        return record
    struct = reader.record.struct
    return struct(**{name: getattr(record, name) for name in struct.__struct_fields__})
