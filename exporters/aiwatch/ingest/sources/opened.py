"""Open log files, plain or compressed, read by the offset in their (decompressed) content."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Protocol

from aiwatch.ingest.sources.compressed import GZIP, MAGIC_BYTES, ZSTD, Decompressor, Format

_CHUNK_BYTES = 256 * 1024


class LogFile(Protocol):
    """An open log file. It stays readable when the file is renamed or deleted."""

    @property
    def compressed(self) -> bool:
        """Whether offsets count decompressed bytes and the file's own size says little."""

    @property
    def complete(self) -> bool:
        """Whether all of it has been decompressed and its end marker was there: nothing will follow."""

    def stat(self) -> os.stat_result:
        """Return the state of the open file, not of whatever bears its name now."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``; fewer only where the content ends (for now)."""

    def unread(self, offset: int) -> int:
        """Return how many bytes lie beyond ``offset``; of a compressed file, a lower bound that is 0 at its end."""

    def length(self) -> int:
        """Return how long the content is (for now); decompresses all of it."""

    def ends_at(self, offset: int) -> bool:
        """Tell whether the content is ``offset`` bytes long (gzip: modulo 4 GiB, by what its end states)."""

    def checksum(self) -> int:
        """Return the CRC-32 of the content."""

    def close(self) -> None:
        """Close the file."""


class PlainFile:
    """A file read as it is."""

    compressed = False
    complete = False

    def __init__(self, fd: int) -> None:
        """Take over the open descriptor ``fd``."""
        self._fd = fd

    def stat(self) -> os.stat_result:
        """Return the state of the open file."""
        return os.fstat(self._fd)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``."""
        return os.pread(self._fd, size, offset)

    def unread(self, offset: int) -> int:
        """Return how many bytes lie beyond ``offset``."""
        return max(0, self.stat().st_size - offset)

    def length(self) -> int:
        """Return the size of the file."""
        return self.stat().st_size

    def ends_at(self, offset: int) -> bool:
        """Tell whether the file is ``offset`` bytes long."""
        return self.stat().st_size == offset

    def checksum(self) -> int:
        """Return the CRC-32 of the content; reads all of it."""
        checksum = offset = 0
        while piece := self.read_at(offset, _CHUNK_BYTES):
            checksum = zlib.crc32(piece, checksum)
            offset += len(piece)
        return checksum

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class CompressedFile:
    """A compressed file, possibly of several members, possibly still being written: its end is then not there yet.

    Reading onwards costs nothing twice: what was decompressed last is kept from the offset that was asked for.
    Reading backwards starts again from the beginning.
    """

    compressed = True

    def __init__(self, fd: int, format: Format) -> None:
        """Take over the open descriptor ``fd``."""
        self._fd = fd
        self._format = format
        self._rewind()

    def _rewind(self) -> None:
        self._raw_offset = 0
        self._decompressor = Decompressor(self._format)
        self._start = 0
        self._content = bytearray()

    @property
    def complete(self) -> bool:
        """Whether the last member's end marker was read and nothing lies behind it."""
        return self._decompressor.at_end and self._raw_offset >= self.stat().st_size

    def stat(self) -> os.stat_result:
        """Return the state of the open file."""
        return os.fstat(self._fd)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` decompressed bytes from ``offset``; fewer when no more can be decompressed now.

        Raises ``OSError`` (``EILSEQ``) when the file is damaged.
        """
        if offset < self._start:
            self._rewind()
        while self._start + len(self._content) < offset + size:
            piece = self._decompress()
            if not piece:
                break
            self._content += piece
            self._drop_before(offset)
        self._drop_before(offset)
        return bytes(self._content[:size]) if self._start == offset else b""

    def unread(self, offset: int) -> int:
        """Return the bytes beyond ``offset`` that are decompressed already plus the compressed ones that are not."""
        decompressed = max(0, self._start + len(self._content) - offset)
        return decompressed + self._decompressor.waiting + max(0, self.stat().st_size - self._raw_offset)

    def length(self) -> int:
        """Return how many bytes can be decompressed now; the last of them are kept for a look at them."""
        while piece := self._decompress():
            self._content += piece
            self._drop_before(self._start + len(self._content) - _CHUNK_BYTES)
        return self._start + len(self._content)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _drop_before(self, offset: int) -> None:
        surplus = min(offset - self._start, len(self._content))
        if surplus > 0:
            del self._content[:surplus]
            self._start += surplus

    def _decompress(self) -> bytes:
        while not (piece := self._decompressor.take(_CHUNK_BYTES)):
            raw = os.pread(self._fd, _CHUNK_BYTES, self._raw_offset)
            if not raw:
                return b""
            self._raw_offset += len(raw)
            self._decompressor.put(raw)
        return piece


class GzipFile(CompressedFile):
    """A gzip file. The end marker of its last member states checksum and length (of the only one, mostly)."""

    def __init__(self, fd: int) -> None:
        """Take over the open descriptor ``fd``."""
        super().__init__(fd, GZIP)

    def ends_at(self, offset: int) -> bool:
        """Tell by the length that the last member's end marker states whether it is ``offset`` bytes long."""
        return self._end_marker()[1] == offset % 2**32

    def checksum(self) -> int:
        """Return the CRC-32 that the last member's end marker states."""
        return self._end_marker()[0]

    def _end_marker(self) -> tuple[int, int]:
        """Return checksum and length; what happens to lie at the end, while the file is being written."""
        marker = os.pread(self._fd, 8, max(0, self.stat().st_size - 8))
        return int.from_bytes(marker[:4], "little"), int.from_bytes(marker[4:], "little")


class ZstdFile(CompressedFile):
    """A Zstandard file. It need not state its length: to know it, all of it is decompressed, once while unchanged."""

    def __init__(self, fd: int) -> None:
        """Take over the open descriptor ``fd``."""
        super().__init__(fd, ZSTD)
        self._measured = (-1, -1)  # size and time of modification when it was measured
        self._measure = (0, 0)  # CRC-32 and length

    def ends_at(self, offset: int) -> bool:
        """Tell whether its content ends, for now, at ``offset``."""
        return self._measurement()[1] == offset

    def checksum(self) -> int:
        """Return the CRC-32 of the content."""
        return self._measurement()[0]

    def _measurement(self) -> tuple[int, int]:
        stat = self.stat()
        if self._measured != (stat.st_size, stat.st_mtime_ns):
            again = ZstdFile(self._fd)
            checksum = length = 0
            while piece := again._decompress():
                checksum = zlib.crc32(piece, checksum)
                length += len(piece)
            self._measured, self._measure = (stat.st_size, stat.st_mtime_ns), (checksum, length)
        return self._measure


_OPENERS: tuple[tuple[Format, Callable[[int], LogFile]], ...] = ((GZIP, GzipFile), (ZSTD, ZstdFile))


def open_log(path: str) -> LogFile:
    """Open the log at ``path``, decompressing it if its name or its first bytes say so.

    Raises ``OSError`` when it cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        start = os.pread(fd, MAGIC_BYTES, 0)
    except OSError:
        os.close(fd)
        raise
    for format, opener in _OPENERS:
        if path.endswith(format.suffix) or format.magic.match(start):
            return opener(fd)
    return PlainFile(fd)
