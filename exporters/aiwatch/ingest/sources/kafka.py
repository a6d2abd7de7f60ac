"""The messages of one Kafka partition, as lines.

A consumer puts messages in, the pipeline takes blocks out; this holds what is in between, and knows nothing of Kafka's
client. A message is one line: newlines in it become spaces, which within JSON changes nothing. A message without value
(a tombstone) is passed over, one that is too long is reported as oversized.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from aiwatch.ingest.contracts import Block, Oversized, Position

_HEAD_BYTES = 4096  # of a message that is too long
_GUESSED_BYTES = 1024  # of a message, as long as none was seen


class KafkaSource:
    """Reads the messages of one partition from ``offset`` on.

    >>> source = KafkaSource("bot:kafka:chats", "kafka:chats/0", "chats/0", offset=7)
    >>> source.put([(7, b'{"n": 1}'), (8, None), (9, b'{"n":\\n 2}')])
    >>> block = source.read(65536)
    >>> block.data, block.offsets, block.position.offset
    (b'{"n": 1}\\n{"n":  2}\\n', (7, 9), 10)
    """

    def __init__(self, key: str, stream: str, path: str, offset: int, *, max_line: int = 10 * 2**20) -> None:
        """Begin before the message at ``offset``.

        :param key: names this source in every position.
        :param stream: id of the partition's content.
        :param path: what people call the partition.
        :param max_line: bytes; a longer message is reported as oversized.
        """
        self._key = key
        self._stream = stream
        self._path = path
        self._max_line = max_line
        self._lock = threading.Lock()
        self._messages: deque[tuple[int, bytes]] = deque()
        self._taken = self._put = self._end = offset  # of the next message to take, to be put, to be written
        self._seen_bytes = self._seen_messages = 0
        self.buffered_bytes = 0
        self.committed_offset = offset
        """Up to where everything is durable."""

    def put(self, messages: Iterable[tuple[int, bytes | None]]) -> None:
        """Add messages (offset and value) that follow those before; what is known already is left out."""
        with self._lock:
            for offset, value in messages:
                if offset < self._put:
                    continue
                self._put = offset + 1
                if value is not None:
                    self._messages.append((offset, value))
                    self.buffered_bytes += len(value)
                    self._seen_bytes += len(value)
                    self._seen_messages += 1
            self._end = max(self._end, self._put)

    def reached_end(self, offset: int) -> None:
        """Note that there is nothing before ``offset`` any more but what was put, and nothing behind it yet."""
        with self._lock:
            self._put = max(self._put, offset)
            self._end = self._put

    def expect(self, end: int) -> None:
        """Note that messages before the offset ``end`` are written."""
        with self._lock:
            self._end = max(self._end, end)

    def read(self, limit: int) -> Block | None:
        """Return the next block of about ``limit`` bytes at most, or None when there is nothing new now.

        A block without data passes over tombstones, or what transactions leave behind: commit its position.
        """
        with self._lock:
            before = self._taken
            lines: list[bytes] = []
            offsets: list[int] = []
            oversized: list[Oversized] = []
            room = limit
            while self._messages and room > 0:
                offset, value = self._messages.popleft()
                self.buffered_bytes -= len(value)
                if len(value) > self._max_line:
                    oversized.append(Oversized(offset, len(value), value[:_HEAD_BYTES]))
                else:
                    room -= len(value) + 1
                    lines.append(value.replace(b"\n", b" ") if b"\n" in value else value)
                    offsets.append(offset)
                self._taken = offset + 1
            if not self._messages:
                self._taken = self._put
            if self._taken == before:
                return None
            position = Position(self._stream, self._key, self._path, offset=self._taken)
        lines.append(b"")
        return Block(self._stream, before, b"\n".join(lines), position, tuple(oversized), tuple(offsets))

    def committed(self, position: Position) -> None:
        """Note that everything before a position is durable now."""
        self.committed_offset = position.offset

    def lag_bytes(self) -> int:
        """Return how many bytes were known to be unread; of what is still with the broker, an estimate."""
        with self._lock:
            mean = self._seen_bytes / self._seen_messages if self._seen_messages else _GUESSED_BYTES
            return self.buffered_bytes + round(mean * (self._end - self._put))

    def problems(self) -> dict[str, str]:
        """Return nothing: whoever puts the messages in knows."""
        return {}

    def forgotten(self) -> tuple[str, ...]:
        """Return nothing: a partition is never gone for good."""
        return ()

    def close(self) -> None:
        """Let go of the messages."""
        with self._lock:
            self._messages.clear()
            self.buffered_bytes = 0
