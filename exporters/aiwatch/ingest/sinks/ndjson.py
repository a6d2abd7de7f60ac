"""Documents into one NDJSON file, for scripts and tests: no server is needed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from aiwatch.ingest.contracts import Document, Outcome

_STORED = Outcome("stored")
_DUPLICATE = Outcome("duplicate")


class _Place(msgspec.Struct):
    stream: str
    offset: int


class _Line(msgspec.Struct):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    log: _Place


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


class NdjsonSink:
    """Appends each document as one line with ``_index`` and ``_id``; an id that is there already is not repeated.

    Like Elasticsearch's ``create``: what the file held at the start counts, so that a run after a crash
    repeats nothing.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending; a last line torn by a crash is cut off.

        Raises:
            ValueError: the file holds a line that is no document of this sink.
            OSError: the file cannot be read or written.
        """
        self._origins: dict[bytes, bytes] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        self._file.seek(0)
        end = 0
        decoder = msgspec.json.Decoder(_Line)
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                held = decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise ValueError(
                    f"{path}:{number}: not a document written by aiwatch ({error}); name another file"
                ) from None
            self._origins[_digest(f"{held.index}/{held.id}")] = _digest(f"{held.log.stream}:{held.log.offset}")
            end += len(line)
        self._file.truncate(end)

    def send(self, documents: list[Document]) -> list[Outcome]:
        """Append the documents that are new and return every outcome."""
        outcomes: list[Outcome] = []
        lines: list[bytes] = []
        for document in documents:
            key = _digest(f"{document.index}/{document.id}")
            origin = _digest(document.origin)
            held = self._origins.setdefault(key, origin)
            outcomes.append(_STORED if held == origin else _DUPLICATE)
            if held is origin:
                place = msgspec.json.encode({"_index": document.index, "_id": document.id})
                lines.append(place[:-1] + b"," + document.body[1:] + b"\n")
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        return outcomes

    def close(self) -> None:
        """Close the file."""
        self._file.close()
