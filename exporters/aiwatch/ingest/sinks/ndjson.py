"""Documents into one NDJSON file, for scripts and tests: no server is needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from aiwatch.ingest.contracts import Outcome
from aiwatch.ingest.documents import Documents, Origin, address_of, origin_of, stored_line

_DUPLICATE = Outcome("duplicate")


class _Line(msgspec.Struct):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    log: Origin


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=12).digest()


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
            self._origins[_digest(held.index, held.id)] = _digest(held.log.stream, held.log.offset)
            end += len(line)
        self._file.truncate(end)

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        """Append the documents that are new and return the outcomes of the others."""
        outcomes: dict[int, Outcome] = {}
        lines: list[bytes] = []
        for place, document in enumerate(documents):
            address, log = address_of(document), origin_of(document)
            origin = _digest(log.stream, log.offset)
            held = self._origins.setdefault(_digest(address.index, address.id), origin)
            if held is origin:
                lines.append(stored_line(document))
            elif held != origin:
                outcomes[place] = _DUPLICATE
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        return outcomes

    def close(self) -> None:
        """Close the file."""
        self._file.close()
