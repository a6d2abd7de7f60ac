"""Follows the log files that a pattern finds, through every way in which logs are rotated.

A file is told by device, inode and the digest of its first bytes. Its content gets a random stream id, which a block
without data announces before the first line is delivered: once that is committed, the content keeps its id under any
name. The rules:

- Same device and inode, and the bytes already read are still there: the same stream, also under another name.
- Same device and inode, but other bytes, or fewer than were read (truncated, overwritten, inode used again): a new
  stream, read from its start. The old one goes on in a copy of its content, if there is one.
- A stream whose file is out of sight (renamed away from the pattern, deleted, link switched) is read on through the
  open file until that has been quiet for a while; the last one rotated is kept open, as a writer may hold it. After
  a restart it is looked for beside where it was, by inode and by content.
- Another file is a copy of a stream that is still there, and is not read, as long as its content is a prefix of that
  stream's and either its name is the original's with marks of rotation (x.1, x-20260131, x.gz) or both have the same
  first 1 KiB. Once they differ it is a stream of its own. So two short logs that begin alike are two streams.
- Another file takes over from a stream that is gone, and is read from where that one was left, when it has the same
  first bytes and the same bytes before that place, and either such a name or the first 1 KiB in common.
- An unterminated last line waits for its end. It is delivered, ended with a newline, when nobody will end it: the
  file was rotated or deleted and has been quiet for a while, or is compressed and complete.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.sources.stream import LogStream, ReplacedError
from aiwatch.ingest.sources.tracking import Tracker


class JsonlSource:
    """Reads the lines of all files that match a pattern, by polling, and misses none that could be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with open(f"{folder}/a.jsonl", "w") as log:
    ...         _ = log.write('{"n": 1}\\n{"n": 2}\\n{"n"')
    ...     source = JsonlSource("demo", f"{folder}/*.jsonl", [])
    ...     [block.data for block in iter(lambda: source.read(65536), None)]
    [b'', b'{"n": 1}\\n{"n": 2}\\n']
    >>> source.lag_bytes()
    4
    >>> source.close()
    """

    def __init__(
        self,
        key: str,
        pattern: str,
        positions: Iterable[Position],
        *,
        max_line: int = 10 * 2**20,
        rescan_every: float = 0.5,
        quiet: float = 30.0,
    ) -> None:
        """Follow ``pattern`` from ``positions`` on.

        :param key: names this source in every position, so that one checkpoint serves many sources.
        :param pattern: a glob; ``**`` matches any number of folders.
        :param positions: what the checkpoint holds; those of other sources are left alone.
        :param max_line: bytes; a longer line is reported as oversized and passed over.
        :param rescan_every: seconds between two looks at the file system.
        :param quiet: seconds without growth after which a rotated or deleted file counts as finished.
        """
        self._tracker = Tracker(key, pattern, [each for each in positions if each.source == key], quiet)
        self._max_line = max_line
        self._rescan_every = rescan_every
        self._scan_at = 0.0
        self._ready: list[LogStream] = []
        self._turn = 0
        self._last_turns: dict[str, int] = {}

    def read(self, limit: int) -> Block | None:
        """Return the next block of about ``limit`` bytes at most, or None when there is nothing new now.

        A block without data announces a stream, or its new place: commit it before reading on.
        """
        if time.monotonic() >= self._scan_at:
            self._scan()
        looked_again = False
        while True:
            if self._tracker.announcements:
                return self._tracker.announcements.popleft()
            stream = self._next()
            if stream is None:
                return None
            try:
                block = stream.read(limit, self._max_line)
            except ReplacedError:
                if looked_again:
                    return None  # it changes faster than it can be looked at: next time
                stream.doubtful = looked_again = True
                self._scan()
                continue
            except OSError as error:
                self._tracker.fail(stream, error)
                block = None
            if not stream.ready:
                self._ready.remove(stream)
            if block is not None:
                return block

    def committed(self, position: Position) -> None:
        """Do nothing: the files stay where they are."""

    def lag_bytes(self) -> int:
        """Return how many bytes are unread (of compressed files an estimate).

        It looks at the file system when that is due: what is written counts also while nobody reads.
        """
        if time.monotonic() >= self._scan_at:
            self._scan()
        return sum(stream.unread for stream in self._tracker.streams)

    def problems(self) -> dict[str, str]:
        """Return what cannot be read now: path to what is wrong and what to do about it."""
        return dict(self._tracker.problems)

    def forgotten(self) -> tuple[str, ...]:
        """Return, once each, the ids of streams that are gone for good: the checkpoint may drop them."""
        ids = tuple(self._tracker.forgotten)
        self._tracker.forgotten.clear()
        return ids

    def close(self) -> None:
        """Let go of every open file."""
        self._ready.clear()
        self._tracker.close()

    def _scan(self) -> None:
        self._tracker.scan()
        self._ready = [stream for stream in self._tracker.streams if stream.ready]
        families = {stream.family for stream in self._ready}
        self._last_turns = {name: turn for name, turn in self._last_turns.items() if name in families}
        self._scan_at = time.monotonic() + self._rescan_every

    def _next(self) -> LogStream | None:
        """Return the oldest stream of the family (a log and its rotated files) that has waited longest."""
        oldest: dict[str, LogStream] = {}
        for stream in self._ready:
            rival = oldest.setdefault(stream.family, stream)
            if stream.mtime_ns < rival.mtime_ns:
                oldest[stream.family] = stream
        if not oldest:
            return None
        chosen = min(oldest.values(), key=lambda each: (self._last_turns.get(each.family, 0), each.mtime_ns))
        self._turn += 1
        self._last_turns[chosen.family] = self._turn
        return chosen
