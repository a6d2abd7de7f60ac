"""The formats in which logs and request bodies come compressed, decompressed piece by piece."""

from __future__ import annotations

import errno
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE_BYTES = 16 * 2**10  # at a member's end what lies behind is copied, and a body may hold a million of them
_HTTP_WINDOW_LOG = 23  # RFC 9659: what is sent as Content-Encoding needs 8 MiB of memory at most


class Member(Protocol):
    """One gzip member or Zstandard frame; several may follow one another."""

    @property
    def ended(self) -> bool:
        """Whether its end marker was read."""

    @property
    def starved(self) -> bool:
        """Whether nothing comes out of it before more is put in."""

    def decompress(self, raw: bytes, limit: int) -> tuple[bytes, bytes]:
        """Return up to ``limit`` bytes of content, and the part of ``raw`` to come with next time.

        Raises ``OSError`` (``EILSEQ``) when ``raw`` is damaged.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A format of compression: its name in HTTP, how files of it are told, and what may lie between its members."""

    encoding: str
    suffix: str
    magic: re.Pattern[bytes]
    begin: Callable[[], Member]
    padding: bytes = b""


class _GzipMember:
    starved = True  # what is left of the input says so

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def ended(self) -> bool:
        return self._zlib.eof

    def decompress(self, raw: bytes, limit: int) -> tuple[bytes, bytes]:
        try:
            content = self._zlib.decompress(raw, limit)
        except zlib.error as error:
            raise OSError(errno.EILSEQ, f"not valid gzip: {error}") from error
        return content, self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail


class _ZstdFrame:
    def __init__(self, options: dict[int, int] | None = None) -> None:
        self._zstd = zstd.ZstdDecompressor(options=options)

    @property
    def ended(self) -> bool:
        return self._zstd.eof

    @property
    def starved(self) -> bool:
        return self._zstd.needs_input or self._zstd.eof

    def decompress(self, raw: bytes, limit: int) -> tuple[bytes, bytes]:
        try:
            content = self._zstd.decompress(raw, limit)
        except zstd.ZstdError as error:
            raise OSError(errno.EILSEQ, f"not valid Zstandard: {error}") from error
        return content, self._zstd.unused_data if self._zstd.eof else b""


def _small_zstd_frame() -> Member:
    return _ZstdFrame({zstd.DecompressionParameter.window_log_max: _HTTP_WINDOW_LOG})


GZIP = Format("gzip", ".gz", re.compile(rb"\x1f\x8b"), _GzipMember, padding=b"\0")
ZSTD = Format("zstd", ".zst", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), _ZstdFrame)
ENCODINGS = {"gzip": GZIP, "zstd": Format("zstd", ZSTD.suffix, ZSTD.magic, _small_zstd_frame)}
"""The formats by the name that Content-Encoding gives them; within the bounds that HTTP sets."""

MAGIC_BYTES = 4


class Decompressor:
    """Decompresses members that follow one another, as their bytes become known.

    >>> import gzip
    >>> decompressor = Decompressor(GZIP)
    >>> decompressor.put(gzip.compress(b"one ") + gzip.compress(b"two"))
    >>> [decompressor.take(3), decompressor.take(100), decompressor.take(100), decompressor.take(100)]
    [b'one', b' ', b'two', b'']
    >>> decompressor.at_end, decompressor.waiting
    (True, 0)
    """

    def __init__(self, format: Format) -> None:
        """Expect the first member."""
        self._format = format
        self._member = format.begin()
        self._raw = b""

    @property
    def at_end(self) -> bool:
        """Whether a member has ended and nothing lies behind it yet."""
        return self._member.ended and not self._raw

    @property
    def waiting(self) -> int:
        """How many bytes wait to be decompressed (at least); 0 when there are none."""
        return len(self._raw) + (0 if self._member.starved else 1)

    def put(self, raw: bytes) -> None:
        """Append ``raw`` to what is to be decompressed."""
        self._raw += raw

    def take(self, limit: int) -> bytes:
        """Return the next content, ``limit`` bytes at most; nothing when more must be put in first.

        Raises ``OSError`` (``EILSEQ``) when the content is damaged.
        """
        while self._raw or not self._member.starved:
            if self._member.ended:
                self._raw = self._raw.lstrip(self._format.padding) if self._format.padding else self._raw
                if not self._raw:
                    break
                self._member = self._format.begin()
            content, self._raw = self._member.decompress(self._raw, limit)
            if content:
                return content
        return b""


def decompress_all(raw: bytes, format: Format, limit: int) -> bytes | None:
    """Return the content of ``raw``, or None when it is longer than ``limit`` bytes; no more than that is kept.

    Raises ``OSError`` (``EILSEQ``) when it is damaged or its end is missing.
    """
    decompressor = Decompressor(format)
    content = bytearray()
    for start in range(0, len(raw), _PIECE_BYTES):
        decompressor.put(raw[start : start + _PIECE_BYTES])
        while piece := decompressor.take(limit + 1 - len(content)):
            content += piece
            if len(content) > limit:
                return None
    if not decompressor.at_end:
        raise OSError(errno.EILSEQ, f"not valid {format.encoding}: its end is missing")
    return bytes(content)
