"""Keeps lines that can be had only once, in files of its own, until they are delivered.

What comes through a socket or a pipe is appended to a file before anything else is done with it. The file is then
read like a log, and deleted once all of it is committed. Bytes are made durable (fsync) before they are read, so that
a committed position never lies beyond what a crash leaves of the file; one fsync serves all that was appended
before it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from aiwatch.ingest.contracts import Block, Oversized, Position
from aiwatch.ingest.line_ends import end_of_lines

_HEAD_BYTES = 1024  # of a line that is too long
_PIECE_BYTES = 2**16
_RETIRE_SECONDS = 60.0  # personal data stays here no longer than this once it is delivered
_FOLDER = "spool"


class SpoolFullError(Exception):
    """So much waits to be delivered that no more is taken now."""


class SpoolClosedError(Exception):
    """The exporter is stopping; what was appended is kept, but nobody waits for its delivery any more."""


@dataclass(slots=True)
class _File:
    """One file of the spool. All numbers are bytes from its start."""

    stream: str
    path: Path
    descriptor: int
    written: int
    synced: int
    read: int
    committed: int
    sealed: bool  # nothing will be appended
    partial: bool = False  # its last line has no end yet
    passed: int = 0  # how far a line that is too long was passed over
    looked: int = -1  # up to where an unfinished line was looked at
    born: float = field(default_factory=time.monotonic)
    tickets: deque[tuple[int, Future[None]]] = field(default_factory=deque)


def spool_folder(state: Path, source: str) -> Path:
    """Return the folder in the state folder that holds what was received for the log ``source``."""
    return state / _FOLDER / hashlib.blake2b(source.encode(), digest_size=8).hexdigest()


def spool_folders(state: Path) -> list[Path]:
    """Return the folders in the state folder that hold something which is not delivered yet."""
    return sorted({file.parent for file in (state / _FOLDER).glob("*/*.jsonl")})


class Spool:
    """Takes bytes from any thread, and gives their lines to the exporter as a source.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     spool = Spool("bot:http", Path(folder), [])
    ...     ticket = spool.append(b'{"n": 1}\\n')
    ...     block = spool.read(65536)
    ...     before = ticket.done()
    ...     spool.committed(block.position)
    ...     spool.close()
    >>> block.data, before, ticket.done()
    (b'{"n": 1}\\n', False, True)
    """

    def __init__(
        self,
        key: str,
        folder: Path,
        positions: Iterable[Position],
        *,
        whole_lines: bool = True,
        max_line: int = 10 * 2**20,
        rotate_bytes: int = 64 * 2**20,
        most_waiting: int = 64 * 2**20,
        on_arrival: Callable[[], None] = lambda: None,
    ) -> None:
        """Go on with what ``folder`` holds.

        :param key: names this source in every position.
        :param positions: what the checkpoint holds; those of other sources are left alone.
        :param whole_lines: what is appended always ends a line, so that one torn by a kill was never accepted: it is
            dropped. Otherwise it is delivered as it is.
        :param max_line: bytes; a longer line is reported as oversized and passed over.
        :param rotate_bytes: the size from which on a new file is begun.
        :param most_waiting: bytes that may wait to be delivered before no more is taken.
        :param on_arrival: is told that there is something to read.

        Raises:
            OSError: the folder cannot be used.
        """
        self._key = key
        self._folder = folder
        self._max_line = max_line
        self._rotate_bytes = rotate_bytes
        self._most_waiting = most_waiting
        self._on_arrival = on_arrival
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._arrived = threading.Condition(self._lock)
        self._closed = False
        self._problem = ""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {position.stream: position for position in positions if position.source == key}
        self._files: deque[_File] = deque()
        for path in sorted(folder.glob("*.jsonl")):
            position = known.get(path.stem)
            self._files.append(_reopen(path, position.offset if position is not None else 0, whole_lines))
        self._last_number = max((int(file.stream.partition("-")[0]) for file in self._files), default=0)
        self._forgotten = [stream for stream in known if stream not in {file.stream for file in self._files}]
        self._drop_delivered()

    # -- what is appended ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many bytes wait to be delivered."""
        with self._lock:
            return self._waiting()

    @property
    def full(self) -> bool:
        """Whether so much waits that no more is taken."""
        return self.waiting >= self._most_waiting

    def append(self, data: bytes) -> Future[None]:
        """Append ``data`` and return what is done once it is delivered and committed.

        The future fails with SpoolClosedError if the exporter stops before.

        Raises:
            SpoolFullError: too much waits; nothing was appended.
            SpoolClosedError: the exporter is stopping; nothing was appended.
            OSError: the disk refuses (it may be full); nothing was appended.
        """
        ticket: Future[None] = Future()
        with self._lock:
            if self._closed:
                raise SpoolClosedError
            if self._waiting() >= self._most_waiting:
                raise SpoolFullError
            try:
                file = self._write(data)
            except OSError as error:
                self._problem = f"{error.strerror or error}: make room on its disk; nothing is taken until then"
                raise
            self._problem = ""
            file.tickets.append((file.written, ticket))
            self._arrived.notify_all()
        self._on_arrival()
        return ticket

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until more is taken, ``seconds`` at most; tell whether it is."""
        with self._room:
            return self._room.wait_for(lambda: self._closed or self._waiting() < self._most_waiting, seconds)

    def wait_for_data(self, seconds: float) -> None:
        """Wait until there is something to read or `wake` is called, ``seconds`` at most."""
        with self._arrived:
            if not any(file.read < file.written for file in self._files):
                self._arrived.wait(seconds)

    def wake(self) -> None:
        """End a wait for data."""
        with self._arrived:
            self._arrived.notify_all()

    def _write(self, data: bytes) -> _File:
        """Append to the last file or, if that is large and ends a line, to a new one."""
        last = self._files[-1] if self._files else None
        if last is not None and last.written >= self._rotate_bytes and not last.partial:
            last.sealed = True
        if last is None or last.sealed:
            last = self._begin()
        _write_all(last, data)
        return last

    def _begin(self) -> _File:
        self._last_number += 1
        stream = f"{self._last_number:08d}-{secrets.token_hex(8)}"
        path = self._folder / f"{stream}.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        file = _File(stream, path, descriptor, 0, 0, 0, 0, sealed=False)
        self._files.append(file)
        _sync_folder(self._folder)
        return file

    # -- the source ------------------------------------------------------------------------------------------

    def read(self, limit: int) -> Block | None:
        """Return the next whole lines, ``limit`` bytes or one line at most, or None when there are none.

        Raises:
            OSError: the disk refuses; what was appended may not be durable.
        """
        with self._lock:
            self._retire()
            files = [file for file in self._files if file.read < file.written]
            for file in files:
                if file.synced < file.written:
                    os.fsync(file.descriptor)
                    file.synced = file.written
            ends = [(file, file.synced, file.sealed) for file in files]
        for file, end, sealed in ends:
            block = self._next(file, end, sealed, min(limit, self._max_line))
            if block is not None:
                return block
        return None

    def committed(self, position: Position) -> None:
        """Note that a position is durable: whoever waited for what lies before it is told, and full files go."""
        done: list[Future[None]] = []
        with self._lock:
            for file in self._files:
                if file.stream == position.stream:
                    file.committed = position.offset
                    while file.tickets and file.tickets[0][0] <= position.offset:
                        done.append(file.tickets.popleft()[1])
                    break
            self._drop_delivered()
            if self._waiting() < self._most_waiting:
                self._room.notify_all()
        for ticket in done:
            if ticket.set_running_or_notify_cancel():
                ticket.set_result(None)

    def lag_bytes(self) -> int:
        """Return how many bytes are not read yet."""
        with self._lock:
            return sum(file.written - file.read for file in self._files)

    def problems(self) -> dict[str, str]:
        """Return what keeps anything from being taken: the folder, what is wrong with it and what to do."""
        return {str(self._folder): self._problem} if self._problem else {}

    def forgotten(self) -> tuple[str, ...]:
        """Return, once each, the streams whose files are deleted."""
        with self._lock:
            gone, self._forgotten = tuple(self._forgotten), []
        return gone

    def close(self) -> None:
        """Take nothing more, and tell those who wait that they will not hear of it; what waits is kept."""
        with self._lock:
            self._closed = True
            if self._files:
                self._files[-1].sealed = True
            self._drop_delivered()
            abandoned = [ticket for file in self._files for _, ticket in file.tickets]
            for file in self._files:
                os.close(file.descriptor)
            self._files.clear()
            self._room.notify_all()
            self._arrived.notify_all()
        for ticket in abandoned:
            if ticket.set_running_or_notify_cancel():
                ticket.set_exception(SpoolClosedError())

    def _next(self, file: _File, end: int, sealed: bool, limit: int) -> Block | None:
        start = file.read
        if start >= end or (file.looked == end and not sealed):
            return None
        if file.passed:
            return self._pass_over(file, end, sealed)
        data = os.pread(file.descriptor, min(limit, end - start), start)
        cut = data.rfind(b"\n") + 1
        if not cut and start + len(data) < end:
            data = os.pread(file.descriptor, min(self._max_line + 1, end - start), start)
            cut = data.find(b"\n") + 1
        if cut:
            return self._block(file, start + cut, data[:cut])
        if len(data) > self._max_line:
            file.passed = start + len(data)
            return self._pass_over(file, end, sealed)
        if sealed:
            return self._block(file, end, data + b"\n")
        file.looked = end
        return None

    def _pass_over(self, file: _File, end: int, sealed: bool) -> Block | None:
        newline = -1
        while newline < 0 and file.passed < end:
            piece = os.pread(file.descriptor, min(_PIECE_BYTES, end - file.passed), file.passed)
            newline = piece.find(b"\n")
            file.passed += len(piece) if newline < 0 else newline
        if newline < 0 and not sealed:
            file.looked = end
            return None
        length = file.passed - file.read
        head = os.pread(file.descriptor, _HEAD_BYTES, file.read)
        after = file.passed + (newline >= 0)
        file.passed = 0
        return self._block(file, after, b"", Oversized(file.read, length, head))

    def _block(self, file: _File, after: int, data: bytes, *oversized: Oversized) -> Block:
        start, file.read = file.read, after
        position = Position(file.stream, self._key, str(file.path), offset=after)
        return Block(file.stream, start, data, position, oversized)

    # -- housekeeping, under the lock --------------------------------------------------------------------------

    def _waiting(self) -> int:
        return sum(file.written - file.committed for file in self._files)

    def _retire(self) -> None:
        """Let a file go that was delivered, though there would be room in it."""
        last = self._files[-1] if self._files else None
        if last is not None and last.committed == last.written and time.monotonic() - last.born >= _RETIRE_SECONDS:
            last.sealed = True
            self._drop_delivered()

    def _drop_delivered(self) -> None:
        """Delete the files that are wholly committed; only then may the checkpoint forget them."""
        gone = [file for file in self._files if file.sealed and file.committed >= file.written]
        for file in gone:
            file.path.unlink(missing_ok=True)
            os.close(file.descriptor)
            self._files.remove(file)
        if gone:
            _sync_folder(self._folder)
            self._forgotten += [file.stream for file in gone]


def _reopen(path: Path, offset: int, whole_lines: bool) -> _File:
    """Open a file that an exporter left behind; nothing more will be appended to it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if whole_lines and size > offset:
            size = end_of_lines(descriptor, offset, size)
            os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return _File(path.stem, path, descriptor, size, size, offset, offset, sealed=True)


def _write_all(file: _File, data: bytes) -> None:
    """Append all of ``data`` or, when the disk refuses, nothing."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file.descriptor, rest) :]
    except OSError:
        os.ftruncate(file.descriptor, file.written)
        raise
    file.written += len(data)
    file.partial = not data.endswith(b"\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
