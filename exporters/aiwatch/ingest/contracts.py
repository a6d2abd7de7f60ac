"""What the parts of the data half promise each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from aiwatch.ingest.documents import Documents


class Position(msgspec.Struct, frozen=True):
    """How far one stream has been delivered; the checkpoint stores it, only its source reads it.

    What tells a file (``device`` to ``fingerprint_length``) stays empty where the stream is no file.
    """

    stream: str
    source: str
    path: str
    device: int = 0
    inode: int = 0
    fingerprint: str = ""
    fingerprint_length: int = 0
    offset: int = 0
    finished: bool = False


class Oversized(msgspec.Struct, frozen=True):
    """A line longer than the limit, which was passed over and not held in memory."""

    offset: int
    length: int
    head: bytes


class Block(msgspec.Struct, frozen=True):
    """Whole lines read from one stream in one go, or (without data) the registration of a new stream.

    ``start`` is the offset of ``data[0]`` in the (decompressed) stream; every line in ``data`` ends with a
    newline. ``offsets`` says where each line stands if that is not told by the bytes before it. ``position`` is what
    to commit once these lines are delivered.
    """

    stream: str
    start: int
    data: bytes
    position: Position
    oversized: tuple[Oversized, ...] = ()
    offsets: tuple[int, ...] | None = None


class Source(Protocol):
    """Reads blocks of lines; its own position runs ahead of the committed one."""

    def read(self, limit: int) -> Block | None:
        """Return the next block of about ``limit`` bytes at most, or None when there is nothing new now."""

    def committed(self, position: Position) -> None:
        """Note that the position of one of its blocks is durable now."""

    def lag_bytes(self) -> int:
        """Return how many bytes were known to be unread at the last look."""

    def problems(self) -> dict[str, str]:
        """Return what cannot be read now: path to what is wrong and what to do about it."""

    def forgotten(self) -> tuple[str, ...]:
        """Return, once each, the ids of streams that are gone for good: the checkpoint may drop them."""

    def close(self) -> None:
        """Let go of every open file."""


class StoppedError(Exception):
    """The exporter was told to stop while documents were still waiting; they will be read again."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a document that was not stored: a duplicate of another event, or refused for a reason."""

    status: Literal["duplicate", "refused"]
    reason: str = ""


class Sink(Protocol):
    """Stores documents; returns only when each one has an outcome, however long that takes."""

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        """Deliver ``documents``; return the outcomes of those that were not stored.

        An outcome is found under its document's place in ``documents``.

        Raises:
            StoppedError: told to stop before all were delivered.
        """
