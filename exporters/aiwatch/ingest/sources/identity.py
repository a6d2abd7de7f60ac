"""What makes two sightings of a log file the same content: pure functions over bytes and names.

A stream is known by the digest of its first bytes (its head, up to 1 KiB, taken longer as the file grows) and by the
digest of the last bytes before the position that was reached (its tail). The head tells files apart; head and tail
together prove that a file, under whatever name and inode, plain or compressed, is one in which reading can go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import PurePath

import msgspec

from aiwatch.ingest.contracts import Position

FINGERPRINT_BYTES = 1024
_DIGEST_CHARS = 32

ReadAt = Callable[[int, int], bytes]

_COMPRESSED = re.compile(r"\.(gz|zst|bz2|xz)$")
_DATE = re.compile(r"[-._]\d{4}[-_]?\d\d[-_]?\d\d(?:[-_T.:]?\d+)*Z?(?=\.|$)")
_COUNTER = re.compile(r"[-._]\d[-_.:\d]*$")


def digest(data: bytes) -> str:
    """Return the digest by which heads and tails are compared: 32 hexadecimal digits.

    >>> len(digest(b"")), digest(b"a") == digest(b"a"), digest(b"a") == digest(b"b")
    (32, True, False)
    """
    return blake2b(data, digest_size=_DIGEST_CHARS // 2).hexdigest()


def tail_length(offset: int) -> int:
    """Return how many bytes before ``offset`` belong to the tail.

    >>> tail_length(10), tail_length(10**9)
    (10, 1024)
    """
    return min(offset, FINGERPRINT_BYTES)


def head_digest(position: Position) -> str:
    """Return the digest of the first ``position.fingerprint_length`` bytes."""
    return position.fingerprint[:_DIGEST_CHARS]


def tail_digest(position: Position) -> str:
    """Return the digest of the last bytes before ``position.offset``."""
    return position.fingerprint[_DIGEST_CHARS:]


def with_head(position: Position, head: bytes) -> Position:
    """Return ``position`` with its fingerprint taken over ``head``, the first bytes (up to 1 KiB) of the content."""
    fingerprint = digest(head) + tail_digest(position)
    return msgspec.structs.replace(position, fingerprint=fingerprint, fingerprint_length=len(head))


def advanced(position: Position, offset: int, tail: bytes, *, finished: bool = False) -> Position:
    """Return ``position`` moved to ``offset``, before which the content's last bytes are ``tail``."""
    fingerprint = head_digest(position) + digest(tail)
    return msgspec.structs.replace(position, offset=offset, fingerprint=fingerprint, finished=finished)


def has_head(position: Position, head: bytes) -> bool:
    """Tell whether content that begins with ``head`` (its first 1 KiB) begins as the position's does.

    >>> start = Position("s", "k", "/x", 1, 2, digest(b"ab") + digest(b""), 2, 0)
    >>> has_head(start, b"abc"), has_head(start, b"a"), has_head(start, b"xbc")
    (True, False, False)
    """
    length = position.fingerprint_length
    return len(head) >= length and digest(head[:length]) == head_digest(position)


def has_tail(position: Position, read_at: ReadAt) -> bool:
    """Tell whether the content behind ``read_at(offset, size)`` reaches the position with the same last bytes."""
    length = tail_length(position.offset)
    return digest(read_at(position.offset - length, length)) == tail_digest(position)


def family(path: str) -> str:
    """Return the path that a log had before rotation marked it with numbers, dates and a compression's suffix.

    >>> [family("/l/" + name) for name in ("a.jsonl", "a.jsonl.1", "a.jsonl-20260131.gz", "a-2026-01-31T10.jsonl")]
    ['/l/a.jsonl', '/l/a.jsonl', '/l/a.jsonl', '/l/a.jsonl']
    >>> family("/l/worker-2.jsonl")
    '/l/worker-2.jsonl'
    """
    pure = PurePath(path)
    name = _COMPRESSED.sub("", pure.name)
    bare = _COUNTER.sub("", _DATE.sub("", name)) or name
    return str(pure.with_name(bare))


def is_archive_name(path: str) -> bool:
    """Tell whether a file is compressed by its name.

    >>> is_archive_name("/l/a.jsonl.1.gz"), is_archive_name("/l/a.jsonl.1")
    (True, False)
    """
    return _COMPRESSED.search(path) is not None


def is_copy_name(path: str, original: str) -> bool:
    """Tell whether rotation by copying would name the copy of ``original`` so: the same name with marks added.

    >>> [is_copy_name("/l/" + name, "/l/a.log") for name in ("a.log.1", "a-20260131.log", "a.log.gz", "old/a.log.1")]
    [True, True, True, True]
    >>> is_copy_name("/l/a.log", "/l/a.log.1"), is_copy_name("/l/b.log", "/l/a.log")
    (False, False)
    """
    name, of = PurePath(path).name, PurePath(original).name
    if len(name) <= len(of):
        return False
    return (
        name.startswith((f"{of}.", f"{of}-", f"{of}_"))
        or PurePath(family(path)).name == PurePath(family(original)).name
    )
