"""Reads standard input: a pipe can be read only once, so its lines are kept in a spool until they are delivered."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from aiwatch.ingest.contracts import Block, Position, StoppedError
from aiwatch.ingest.sources.spool import Spool, SpoolFullError

_LOG = logging.getLogger(__name__)
_PIECE_BYTES = 2**18
_PAUSE_SECONDS = 0.5
_MAX_LINE = 10 * 2**20


class StandardInput:
    """The pipe itself, which outlives the exporters that read it one after the other.

    ``rest`` is what was read from it and not handed on yet: mostly the beginning of a line. ``passing`` says that a
    line is too long and its beginning was handed on: what follows is dropped up to its end, however long that takes.
    """

    def __init__(self, descriptor: int = 0) -> None:
        """Read from the open ``descriptor``."""
        self.descriptor = descriptor
        self.rest = b""
        self.passing = False
        self.ended = False


class StdinSource(Spool):
    """Follows a pipe to its end; while too much waits to be delivered, it lets the writer wait.

    >>> from tempfile import TemporaryDirectory
    >>> out, into = os.pipe()
    >>> os.write(into, b'{"n": 1}\\n{"n": 2}'), os.close(into)
    (17, None)
    >>> with TemporaryDirectory() as folder:
    ...     pipe = StandardInput(out)
    ...     source = StdinSource("bot:stdin", Path(folder), [], pipe, threading.Event(), wait_for_end=True)
    ...     b"".join(block.data for block in iter(lambda: source.read(65536), None))
    ...     source.close()
    b'{"n": 1}\\n{"n": 2}\\n'
    """

    def __init__(
        self,
        key: str,
        folder: Path,
        positions: Iterable[Position],
        pipe: StandardInput,
        stop: threading.Event,
        *,
        wait_for_end: bool = False,
        most_waiting: int = 64 * 2**20,
        on_arrival: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to read ``pipe``, in a thread of its own.

        :param stop: ends a wait for input.
        :param wait_for_end: `read` waits as long as more may come, and gives None only at the end.

        The others are those of `Spool`.

        Raises:
            OSError: the folder cannot be used.
        """
        super().__init__(
            key,
            folder,
            positions,
            whole_lines=False,
            max_line=_MAX_LINE,
            most_waiting=most_waiting,
            on_arrival=on_arrival,
        )
        self._pipe = pipe
        self._stop = stop
        self._wait_for_end = wait_for_end
        self._closing = threading.Event()
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._follow, name="stdin", daemon=True)
        self._thread.start()

    def read(self, limit: int) -> Block | None:
        """Return the next whole lines, or None when there are none now (with ``wait_for_end``: none any more).

        Raises:
            StoppedError: told to stop while it waited for the end.
            OSError: the disk refuses.
        """
        while True:
            ended = self._pipe.ended
            block = super().read(limit)
            if block is not None or ended or not self._wait_for_end:
                return block
            if self._stop.is_set():
                raise StoppedError
            self.wait_for_data(_PAUSE_SECONDS)

    def close(self) -> None:
        """Leave the pipe to the next one, and keep what was read from it."""
        self._closing.set()
        os.write(self._wake, b"x")
        self._thread.join()
        os.close(self._wake)
        os.close(self._woken)
        super().close()

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        try:
            poll.register(self._pipe.descriptor, select.POLLIN)
            self._hand_on()  # what the reader before could not keep
            while not self._closing.is_set() and not self._pipe.ended:
                if not self.wait_for_room(_PAUSE_SECONDS):
                    continue
                if self._woken in dict(poll.poll()):
                    return
                piece = os.read(self._pipe.descriptor, _PIECE_BYTES)
                self._take(piece)
                self._hand_on()
                self._pipe.ended = not piece and not self._pipe.rest
        except OSError as error:
            _LOG.error("standard input cannot be read: %s; what was read is kept", error)
            self._pipe.ended = True
        if self._pipe.ended:
            _LOG.info("standard input has ended")
            self.wake()

    def _take(self, piece: bytes) -> None:
        """Put what was read (nothing at the end) to the rest; a line gets its end there at the latest."""
        pipe = self._pipe
        if not piece:
            piece = b"\n" if pipe.rest or pipe.passing else b""
        if pipe.passing:
            end = piece.find(b"\n")
            pipe.passing = end < 0
            piece = piece[end:] if end >= 0 else b""
        pipe.rest += piece

    def _hand_on(self) -> None:
        """Append what ends a line, or the beginning of one that is too long, to the spool, whatever the disk says."""
        rest = self._pipe.rest
        end = rest.rfind(b"\n") + 1
        too_long = not end and len(rest) > _MAX_LINE
        if too_long:
            end = len(rest)
        while end and not self._closing.is_set():
            try:
                self.append(rest[:end])
            except SpoolFullError:
                self.wait_for_room(_PAUSE_SECONDS)
            except OSError as error:
                _LOG.error("cannot keep standard input: %s; make room on the disk of the state folder", error)
                self._closing.wait(_PAUSE_SECONDS)
            else:
                self._pipe.rest = rest[end:]
                self._pipe.passing = too_long
                return
