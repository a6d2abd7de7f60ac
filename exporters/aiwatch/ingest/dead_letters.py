"""Lines that could not be decoded or stored: one file of NDJSON, from which they can be replayed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from aiwatch.ingest.decode import Reject
from aiwatch.ingest.line_ends import end_of_lines

FILE_NAME = "dead-letters.ndjson"


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rejected line; ``line_base64`` stands in for ``line`` where the line is not UTF-8."""

    time: datetime
    process: str
    source: str
    reason: str
    detail: str
    path: str
    stream: str
    offset: int
    line: str = ""
    line_base64: str = ""

    def __post_init__(self) -> None:
        """Refuse a letter, maybe mended by hand, whose line cannot be had."""
        try:
            _ = self.content
        except ValueError as error:
            raise ValueError(f"`line_base64` is no Base64: {error}") from None

    @property
    def content(self) -> bytes:
        """The line's bytes, as far as they were kept."""
        return self.line.encode() if self.line else base64.b64decode(self.line_base64)


class DeadLettersError(Exception):
    """The file cannot be read; the message says where and what to do."""


class Letters(Protocol):
    """Keeps what was rejected. This is all that a pipeline asks of it."""

    def append(self, rejects: Iterable[Reject], now: datetime) -> int:
        """Make rejects durable and return the size to be committed (0: there is no file that could be cut)."""

    def committed(self, size: int) -> None:
        """Note that the checkpoint now holds ``size``."""


class DeadLetters:
    """The file, of which only the committed part counts: a tail behind it is cut off when it is opened.

    It may be moved away or deleted at any time; a new one is begun with the next letter.
    """

    def __init__(self, folder: Path, committed: int) -> None:
        """Use the file in ``folder``, of which ``committed`` bytes are in the checkpoint.

        Raises:
            OSError: it cannot be written.
        """
        self.path = folder / FILE_NAME
        self._committed = committed
        with self.path.open("ab+") as file:
            self._cut(file.fileno())

    def append(self, rejects: Iterable[Reject], now: datetime) -> int:
        """Write rejects to disk and return the size to be committed.

        Raises:
            OSError: they could not be written; a later call starts again from the committed size.
        """
        lines = [msgspec.json.encode(build_letter(reject, now)) for reject in rejects]
        if not lines:
            return self._committed
        with self.path.open("ab+", buffering=0) as file:
            size = self._cut(file.fileno())
            data = b"\n".join([*lines, b""])
            _write_all(file.fileno(), data)
            os.fsync(file.fileno())
        return size + len(data)

    def committed(self, size: int) -> None:
        """Note that the checkpoint now holds ``size``."""
        self._committed = size

    def close(self) -> None:
        """Do nothing: the file is open only while it is written."""

    def _cut(self, descriptor: int) -> int:
        """Cut off what is not committed, but no letter in two: in a file begun since the last commit they all stay."""
        self._committed = end_of_lines(descriptor, 0, min(self._committed, os.fstat(descriptor).st_size))
        os.ftruncate(descriptor, self._committed)
        return self._committed


def read(folder: Path) -> Iterator[DeadLetter]:
    """Return the dead letters in a state folder, oldest first; a line that is still being written is left out.

    Raises:
        DeadLettersError: a line is no dead letter.
    """
    path = folder / FILE_NAME
    if path.exists():
        yield from read_file(path)


def read_file(path: Path) -> Iterator[DeadLetter]:
    """Return the dead letters in a file, as `read` does; empty lines are passed over.

    Raises:
        DeadLettersError: a line is no dead letter.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield msgspec.json.decode(line, type=DeadLetter)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                if not line.endswith(b"\n"):
                    return
                raise DeadLettersError(
                    f"{path}:{number}: not a dead letter ({error}); mend the line, or take it out"
                ) from None


def build_letter(reject: Reject, now: datetime) -> DeadLetter:
    """Return what is kept of a line that was rejected ``now``."""
    try:
        text, encoded = reject.line.decode(), ""
    except UnicodeDecodeError:
        text, encoded = "", base64.b64encode(reject.line).decode()
    return DeadLetter(
        time=now,
        process=reject.process,
        source=reject.source,
        reason=reject.reason,
        detail=reject.detail,
        path=reject.path,
        stream=reject.stream,
        offset=reject.offset,
        line=text,
        line_base64=encoded,
    )


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
