"""Lines become records with their documents; what cannot be decoded becomes a reject with its reason.

A line in aiwatch's own format with nothing to change becomes its document byte by byte. Of any other, what must change
is written anew: personal data, an odd time, keys beyond the record's, names and units of other people's logs.

This says what becomes of a line. Where the compiled core is there, it does the same to the usual lines of a block at
once, and leaves the others to this (see `aiwatch.ingest.core`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Log, Process
from aiwatch.ingest import reasons
from aiwatch.ingest.contracts import Block
from aiwatch.ingest.documents import Documents, head_of, make_document, neck_of
from aiwatch.ingest.mapping import (
    OWN_KEYS,
    Reader,
    UnconvertibleError,
    build_absent_reader,
    build_ignoring_reader,
    build_reader,
)
from aiwatch.ingest.mend import mend_json
from aiwatch.ingest.redact import build_redactor, redact_within
from aiwatch.kinds.base import Record, RecordType
from aiwatch.kinds.folding import Folding, fold
from aiwatch.profiles.fold import PREDICTION, Cell, Fold, fold_records
from aiwatch.profiles.profile import Profile

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
BLANK = b" \t\r\0"  # the NULs are a hole that truncation left in the file
_USUAL_TIME = re.compile(rb'"@timestamp": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"')
_ID_BYTES = 512  # Elasticsearch's limit
_DETAIL_LENGTH = 300


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
    """What one block holds: the accepted lines and the rejects, both in the order of the log."""

    lines: int = 0
    entries: list[Entry] = []
    rejects: list[Reject] = []

    def __len__(self) -> int:
        """Return how many lines were accepted."""
        return len(self.entries)

    def documents(self) -> Documents:
        """Return the document of every accepted line."""
        return Documents.of([entry.document for entry in self.entries])

    def types(self) -> Counter[str]:
        """Return how many accepted lines there are of each type."""
        return Counter(entry.type for entry in self.entries)

    def documents_of(self, type_: str) -> list[bytes]:
        """Return the documents of the accepted lines of a type."""
        return [entry.document for entry in self.entries if entry.type == type_]

    def entry(self, place: int) -> Entry:
        """Return one accepted line."""
        return self.entries[place]

    def without(self, places: Container[int]) -> Decoded:
        """Return the same without the accepted lines at ``places``."""
        kept = [entry for place, entry in enumerate(self.entries) if place not in places]
        return Decoded(self.lines, kept, self.rejects)

    def fold(self, folding: Folding, further: Sequence[Decoded]) -> None:
        """Add these lines, and behind them ``further``, to the delta."""
        by_type: dict[str, list[Record]] = {}
        for entry in (entry for decoded in (self, *further) for entry in decoded.entries):
            by_type.setdefault(entry.type, []).append(entry.record)
        for type_, records in by_type.items():
            fold(folding, type_, records)

    def profiles(self, fold: Fold, further: Sequence[Decoded] = ()) -> dict[Cell, Profile]:
        """Return what these lines, and ``further`` ones, add to the profile of each hour and model version."""
        entries = (entry for decoded in (self, *further) for entry in decoded.entries)
        return fold_records(fold, (entry.record for entry in entries if entry.type == PREDICTION))


class Decoder:
    """Decodes the lines of the log entries of one process that share a path."""

    def __init__(self, process: Process, logs: Sequence[Log]) -> None:
        """Prepare for ``logs``, which share one path and one key in ``when``."""
        self.process = process.name
        self.source = source_key(process, logs[0].place)
        readers = [
            build_ignoring_reader(log) if log.record == "ignore" else build_reader(process.kind.record(log.record), log)
            for log in logs
        ]
        if len(readers) == 1 and logs[0].when is not None:
            readers.append(build_absent_reader(logs[0]))
        self._readers: dict[Any, Reader] = {wire: each for each in readers for wire in (each.loose, each.wire)}
        self._json = msgspec.json.Decoder(_any_of(reader.wire for reader in readers))
        self._loose_json = msgspec.json.Decoder(_any_of(reader.loose for reader in readers))
        self._identifiers = frozenset[str]().union(*(each.identifiers for each in readers))
        self._identifiers -= frozenset[str]().union(*(each.texts for each in readers))
        self.redact = build_redactor(process.file.redact)
        self.own = all(reader.convert is None for reader in readers)
        self._heads: dict[tuple[str, date], str] = {}

    def decode(self, block: Block, now: datetime) -> Decoded:
        """Return the accepted lines and rejects of ``block``; ``now`` bounds the times that are believed."""
        decoded = Decoded()
        self.reject_oversized(block, decoded)
        for line, offset in lines_of(block):
            spot = (block.stream, offset)
            self.decode_line(line, spot, spot, block.position.path, now + AHEAD, decoded)
        return decoded

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
                decoded.entries.append(entry)
            return
        decoded.rejects.append(self._reject(path, spot, line, reason, detail))

    def refuse(self, block: Block, entry: Entry, detail: str) -> Reject:
        """Return the reject for an entry whose document was refused."""
        return self._reject(block.position.path, entry.spot, entry.line, reasons.DOCUMENT_REFUSED, detail)

    def _reject(self, path: str, spot: Spot, line: bytes, reason: str, detail: str) -> Reject:
        """Return the reject of a line, redacted; what names events and people by ids stays."""
        cut = self.redact(detail[: 2 * _DETAIL_LENGTH])[:_DETAIL_LENGTH]
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
        clean_text = self.redact(plain)
        return line if clean_text == plain else clean_text.encode("utf-8", "surrogateescape")

    def _redacted_fields(self, fields: dict[str, Any], but: frozenset[str]) -> dict[str, Any]:
        redact = self.redact
        return {
            key if key in but else redact(key): value if key in but else redact_within(value, redact)
            for key, value in fields.items()
        }

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
        if not EARLIEST <= time <= latest:
            raise UnconvertibleError(reasons.TIME_OUT_OF_RANGE, f"{time.isoformat()} is not believable")
        redacted = self._redacted_text(record_type, record)
        if redacted:
            record = msgspec.structs.replace(record, **redacted)
        kept: bytes | None = None
        if usual and reader.convert is None and _USUAL_TIME.search(line) is not None:
            kept = _with_texts(line, redacted)
        rest = self._rendered(reader, record, wire, line) if kept is None else kept[1:]
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
            if text is not None and (clean := self.redact(text)) != text:
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


def lines_of(block: Block) -> Iterator[tuple[bytes, int]]:
    """Return every line of a block that is not blank, and where it stands in the stream."""
    offset = block.start
    for place, raw in enumerate(block.data.split(b"\n")[:-1]):  # nothing stands behind the last newline
        if line := raw.strip(BLANK):
            yield line, offset if block.offsets is None else block.offsets[place]
        offset += len(raw) + 1


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


def _with_texts(line: bytes, texts: Mapping[str, str]) -> bytes | None:
    r"""Return a line with other values of the fields ``texts`` and all else as it was; None if one is not found.

    >>> _with_texts(b'{"n": 1.0, "query": "a \\"b\\""}', {"query": "c"})
    b'{"n": 1.0, "query": "c"}'
    """
    for name, text in texts.items():
        found = list(re.finditer(rb'"%b" *: *("(?:[^"\\]|\\.)*+")' % name.encode(), line))
        if len(found) != 1:
            return None
        start, end = found[0].span(1)
        line = line[:start] + msgspec.json.encode(text) + line[end:]
    return line
