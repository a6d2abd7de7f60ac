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
    log: Origin | None = None
    version: int | None = None

    def __post_init__(self) -> None:
        if self.log is None and self.version is None:
            raise ValueError("neither `log` nor `version` is there")


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=12).digest()


class NdjsonSink:
    """Appends each document as one line with ``_index`` and ``_id``; an id that is there already is not repeated.

    Like Elasticsearch's ``create``: what the file held at the start counts, so that a run after a crash
    repeats nothing. Of a document with a version every version is a line; the highest holds.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending; a last line torn by a crash is cut off.

        Raises:
            ValueError: the file holds a line that is no document of this sink.
            OSError: the file cannot be read or written.
        """
        self._origins: dict[bytes, bytes] = {}
        self._versions: dict[bytes, int] = {}
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
            if held.version is not None:
                self._is_newer(held.index, held.id, held.version)
            elif held.log is not None:
                self._origins[_digest(held.index, held.id)] = _digest(held.log.stream, held.log.offset)
            end += len(line)
        self._file.truncate(end)

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        """Append the documents that are new and return the outcomes of the others."""
        outcomes: dict[int, Outcome] = {}
        lines: list[bytes] = []
        for place, document in enumerate(documents):
            address = address_of(document)
            if address.version is not None:
                if self._is_newer(address.index, address.id, address.version):
                    lines.append(stored_line(document))
                continue
            log = origin_of(document)
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

    def _is_newer(self, index: str, id_: str, version: int) -> bool:
        """Note the version of a document; return whether it is higher than those before."""
        key = _digest(index, id_)
        newer = version > self._versions.get(key, -1)
        if newer:
            self._versions[key] = version
        return newer

    def close(self) -> None:
        """Close the file."""
        self._file.close()
