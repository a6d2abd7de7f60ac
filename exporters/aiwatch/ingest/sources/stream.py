"""One log being followed: how far it was read, and the open file that holds its content now."""

from __future__ import annotations

import os
import time

import msgspec

from aiwatch.ingest.contracts import Block, Oversized, Position
from aiwatch.ingest.sources.identity import (
    FINGERPRINT_BYTES,
    advanced,
    digest,
    family,
    has_head,
    has_tail,
    is_archive_name,
    tail_digest,
    tail_length,
    with_head,
)
from aiwatch.ingest.sources.opened import LogFile

OVERSIZED_HEAD_BYTES = 1024
_LONG_LINE_BYTES = 16 * 2**10  # is read next when less held no end of a line, then twice as much, and so on
_FRESH_SECONDS = 2.0  # a time stamp this young may hide another change within the same tick

Key = tuple[int, int]
Signature = tuple[int, int]


class ReplacedError(Exception):
    """The open file no longer holds what was read from it: it was truncated or overwritten."""


def key_of(stat: os.stat_result) -> Key:
    """Return device and inode."""
    return stat.st_dev, stat.st_ino


def signature_of(stat: os.stat_result) -> Signature:
    """Return what changes when the content does: size and time of modification."""
    return stat.st_size, stat.st_mtime_ns


def is_fresh(stat: os.stat_result) -> bool:
    """Tell whether the file changed so recently that an equal signature proves nothing."""
    return time.time() - stat.st_mtime < _FRESH_SECONDS


def continues(position: Position, log: LogFile, path: str) -> bool:
    """Tell whether ``log``, found at ``path``, holds the content of ``position``, so that it can be read on from there.

    Of an archive that was read to its end, its path, inode and length stand for the tail: that spares decompressing all
    of it at every start. An inode alone says little: it is used again as soon as an older archive is deleted.
    Nothing goes on where another archive ended: a file that is longer only begins like it.
    """
    if not has_head(position, log.read_at(0, FINGERPRINT_BYTES)):
        return False
    if is_all_read(position, log, path):
        return True
    ended = position.finished and is_archive_name(position.path) and not is_at(position, key_of(log.stat()), path)
    return has_tail(position, log.read_at) and not (ended and log.length() > position.offset)


def is_all_read(position: Position, log: LogFile, path: str) -> bool:
    """Tell whether ``log`` is the archive that was read to its end, so far as path, inode and length tell."""
    known = log.compressed and position.finished and is_at(position, key_of(log.stat()), path)
    return known and log.ends_at(position.offset)


def is_at(position: Position, key: Key, path: str) -> bool:
    """Tell whether a file of this inode, found at ``path``, is where the position's was."""
    return path == position.path and key == (position.device, position.inode)


class LogStream:
    """Reads whole lines of one stream, whatever file holds it; forgets nothing but what ``position`` says.

    ``position`` runs ahead of the committed one. ``file`` is None while the file is closed (drained long ago) or
    lost. ``ending`` says that no writer is expected any more, so that an unterminated last line is delivered.
    """

    def __init__(self, position: Position) -> None:
        """Stand at ``position``, without a file yet."""
        self.position = position
        self.file: LogFile | None = None
        self.family = family(position.path)
        self.seen_path = ""  # the path by which the pattern finds it, "" when it does not
        self.renamed = False
        self.ending = False
        self.doubtful = False
        self.changed_at = 0.0  # monotonic seconds
        self.retry_at = 0.0  # monotonic seconds
        self.mtime_ns = 0
        self.end = position.offset
        self.signature: Signature = (-1, -1)
        self._stalled_at = -1  # the end behind an unfinished line: nothing to do until it moves
        self._registered = position.fingerprint_length
        self._passed = 0  # how far an oversized line was passed over
        self._oversized_head = b""

    @property
    def key(self) -> Key:
        """Device and inode of the file that holds the stream."""
        return self.position.device, self.position.inode

    @property
    def unread(self) -> int:
        """How many bytes were beyond the position at the last look."""
        return max(0, self.end - self.position.offset)

    @property
    def ready(self) -> bool:
        """Whether ``read`` may have something to give."""
        if self.file is None:
            return False
        return (self.unread > 0 and self.end != self._stalled_at) or (self.ending and not self.position.finished)

    @property
    def is_cut_off(self) -> bool:
        """Whether all of a compressed file was read as far as it goes, but its end is not there."""
        log = self.file
        stalled = self.unread == 0 or self.end == self._stalled_at
        return log is not None and log.compressed and stalled and not (self.position.finished or log.complete)

    def attach(self, log: LogFile, path: str, stat: os.stat_result) -> None:
        """Go on in ``log``, found at ``path``."""
        if path != self.position.path:
            self.move(path)
        self.position = msgspec.structs.replace(self.position, device=stat.st_dev, inode=stat.st_ino)
        self.file = log
        self.doubtful = False
        self._stalled_at, self._passed = -1, 0
        self.changed_at = time.monotonic() - max(0.0, time.time() - stat.st_mtime)
        self._look_at(log, stat)

    def move(self, path: str) -> None:
        """Take note that the file is named ``path`` now."""
        self.position = msgspec.structs.replace(self.position, path=path)
        self.family = family(path)
        self.renamed = True

    def disown(self) -> None:
        """Take note that its file was deleted: another one will be given the inode."""
        self.position = msgspec.structs.replace(self.position, device=0, inode=0)

    def recognise(self, stat: os.stat_result) -> bool:
        """Take note of the file's new state; tell whether it still holds what was read from it.

        Raises ``OSError`` when it cannot be read.
        """
        log = self.file
        signature = signature_of(stat)
        changed = signature != self.signature
        if log is None or not (changed or self.doubtful or (is_fresh(stat) and not log.compressed)):
            return True
        if log.compressed:
            intact = not self.doubtful and stat.st_size >= self.signature[0]
        else:
            head = log.read_at(0, FINGERPRINT_BYTES)
            intact = has_head(self.position, head) and has_tail(self.position, log.read_at)
            if intact and len(head) > self.position.fingerprint_length:
                self.position = with_head(self.position, head)
        if intact:
            self.doubtful = False
            if changed:
                self.changed_at, self.ending = time.monotonic(), False
            self._look_at(log, stat)
        return intact

    def register(self, head: bytes) -> Block:
        """Return the block without data that makes the stream's id and first bytes known to the checkpoint."""
        self.position = with_head(self.position, head)
        self._registered = len(head)
        return self.announcement()

    def announcement(self) -> Block:
        """Return a block without data that carries the position as it is."""
        return Block(self.position.stream, self.position.offset, b"", self.position)

    def release(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def read(self, limit: int, max_line: int) -> Block | None:
        """Return the next whole lines, ``limit`` bytes at most or one line of up to ``max_line``, or None.

        Raises ``ReplacedError`` when the file holds something else now, ``OSError`` when it cannot be read.
        """
        log = self.file
        if log is None:
            return None
        offset = self.position.offset
        if self._passed > offset:
            return self._pass_over(log, limit)
        limit = size = min(limit, max_line)
        content, back = self._content(log, size)
        cut = content.rfind(b"\n", back) + 1
        while not cut and len(content) - back == size <= max_line:  # a line that is longer
            size = min(max(2 * size, _LONG_LINE_BYTES), max_line + 1)
            content, back = self._content(log, size)
            cut = content.find(b"\n", back) + 1
        if not cut and len(content) - back > max_line:
            if self._must_register(content):
                return self.register(content[:FINGERPRINT_BYTES])
            self._passed = offset + len(content) - back
            self._oversized_head = content[back : back + OVERSIZED_HEAD_BYTES]
            return self._pass_over(log, limit)
        if not cut:
            return self._last(log, content, back)
        if self._must_register(content):
            return self.register(content[:FINGERPRINT_BYTES])
        return self._deliver(log, content, back, cut, content[back:cut])

    def _content(self, log: LogFile, size: int) -> tuple[bytes, int]:
        """Read ``size`` bytes and, in the same go, the tail before them, which tells whether they follow on it."""
        offset = self.position.offset
        back = tail_length(offset)
        content = log.read_at(offset - back, back + size)
        if offset == 0:
            intact = has_head(self.position, log.read_at(0, self.position.fingerprint_length))
        else:
            intact = digest(content[:back]) == tail_digest(self.position)
        if not intact:
            raise ReplacedError
        return content, back

    def _must_register(self, content: bytes) -> bool:
        """Tell whether the checkpoint must first learn the first line, so that no other file can pass for this one."""
        if self.position.offset > 0:
            return False
        first_line = content.find(b"\n", 0, FINGERPRINT_BYTES) + 1
        return self._registered < (first_line or min(FINGERPRINT_BYTES, len(content)))

    def _deliver(self, log: LogFile, content: bytes, back: int, cut: int, data: bytes, finished: bool = False) -> Block:
        start = self.position.offset
        if start <= FINGERPRINT_BYTES and self.position.fingerprint_length < min(len(content), FINGERPRINT_BYTES):
            self.position = with_head(self.position, content[:FINGERPRINT_BYTES])
        end = start + cut - back
        tail = content[cut - tail_length(end) : cut]
        if log.compressed:
            self.end = end + log.unread(end)
            finished = finished or (log.complete and self.end == end)
        else:
            self.end = max(self.end, start + len(content) - back)
        self.position = advanced(self.position, end, tail, finished=finished)
        return Block(self.position.stream, start, data, self.position)

    def _last(self, log: LogFile, content: bytes, back: int) -> Block | None:
        """Deal with what has no newline yet: leave it, or deliver it when nobody will end it."""
        if not self._at_the_end(log, self.position.offset + len(content) - back):
            return None
        if len(content) == back:
            self.position = msgspec.structs.replace(self.position, finished=True)
            return self.announcement()
        if self._must_register(content):
            return self.register(content[:FINGERPRINT_BYTES])
        return self._deliver(log, content, back, len(content), content[back:] + b"\n", finished=True)

    def _at_the_end(self, log: LogFile, reached: int) -> bool:
        """Tell whether the content ends for good where reading came to its end; if not, wait for it to change."""
        if log.complete or (self.ending and reached == self.end):
            self.ending, self.end = True, reached
            return True
        self.ending = False
        self.doubtful = self.end > reached and not log.compressed
        self.end = self._stalled_at = reached
        return False

    def _pass_over(self, log: LogFile, limit: int) -> Block | None:
        while True:
            back = tail_length(self._passed)
            content = log.read_at(self._passed - back, back + limit)
            newline = content.find(b"\n", back)
            if newline >= 0 or len(content) <= back:
                break
            self._passed += len(content) - back
        start, cut = self.position.offset, newline + 1
        if newline < 0:
            if not self._at_the_end(log, self._passed):
                return None
            cut = len(content)
        end = self._passed + cut - back
        length = end - start - (1 if newline >= 0 else 0)
        self.position = advanced(self.position, end, content[cut - tail_length(end) : cut], finished=newline < 0)
        oversized = Oversized(start, length, self._oversized_head)
        return Block(self.position.stream, start, b"", self.position, (oversized,))

    def _look_at(self, log: LogFile, stat: os.stat_result) -> None:
        offset = self.position.offset
        self.signature = signature_of(stat)
        self.mtime_ns = stat.st_mtime_ns
        self.end = offset if is_all_read(self.position, log, self.position.path) else offset + log.unread(offset)
