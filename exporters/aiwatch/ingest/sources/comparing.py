"""Compares a file with the streams whose content it may hold, or be a copy of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.sources.identity import FINGERPRINT_BYTES, is_copy_name, tail_length
from aiwatch.ingest.sources.opened import LogFile, open_log
from aiwatch.ingest.sources.stream import Key, LogStream, continues, is_fresh, key_of

_LARGE_ARCHIVE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Sighting:
    """A regular file: where and how it was last seen."""

    path: str
    stat: os.stat_result

    @property
    def key(self) -> Key:
        """Device and inode."""
        return key_of(self.stat)


def may_hold(position: Position, sighting: Sighting, path: str) -> bool:
    """Tell whether name and inode allow that the file holds the content of a missing stream."""
    if sighting.key == (position.device, position.inode):
        return True
    if position.fingerprint_length == 0:
        return False
    renumbered = sighting.stat.st_ino == position.inode and path == position.path  # a device's number may change
    return renumbered or position.fingerprint_length == FINGERPRINT_BYTES or is_copy_name(path, position.path)


def is_likely_start(stream: LogStream, sighting: Sighting, head: bytes, in_pattern: bool) -> bool:
    """Tell whether a stream of which nothing was committed yet begins here: a whole first line must speak for it.

    Less will do for the file's own inode when the pattern finds it: it would be read from its start anyway.
    """
    length = stream.position.fingerprint_length
    if stream.position.offset > 0:
        return False
    return length == FINGERPRINT_BYTES or b"\n" in head[:length] or (in_pattern and stream.key == sighting.key)


def reaches(log: LogFile, offset: int) -> bool:
    """Tell whether the content is at least ``offset`` bytes long, so far as it can be read now."""
    back = tail_length(offset)
    return len(log.read_at(offset - back, back)) == back


def relation(log: LogFile, path: str, head: bytes, stream: LogStream) -> Literal["copy", "successor", "none"]:
    """Compare a file, found at ``path``, with the one that a followed stream is read from.

    A copy holds nothing but the beginning of the stream's file. A successor holds all of it and more, while the
    stream's file has been deleted: an editor or a backup put it in its place.
    """
    # A compressed file is opened once more: to go back in it would make the stream decompress it again.
    reuse = stream.file if stream.file is not None and not stream.file.compressed else None
    original = reuse or open_log(stream.position.path)
    try:
        if key_of(original.stat()) != stream.key:
            return "none"  # that name belongs to another file now
        if stream.position.finished and log.ends_at(stream.position.offset) and continues(stream.position, log, path):
            return "copy"
        if original.read_at(0, len(head)) != head:
            return "none"
        stat = original.stat()
        if log.compressed:
            return "copy" if _is_compressed_copy(log, original) else "none"
        if _agree_at(log, original, log.length()):
            return "copy"
        return "successor" if stat.st_nlink == 0 and _agree_at(log, original, stat.st_size) else "none"
    finally:
        if original is not reuse:
            original.close()


def same_content(archive: LogFile, log: LogFile) -> bool:
    """Tell whether a compressed file holds what ``log`` does, by its length and checksum."""
    return archive.ends_at(log.length()) and archive.checksum() == log.checksum()


def _is_compressed_copy(log: LogFile, original: LogFile) -> bool:
    """Tell whether a compressed file holds nothing but the beginning of ``original``, so far as it goes yet."""
    stat = log.stat()
    if is_fresh(stat) and stat.st_size > _LARGE_ARCHIVE_BYTES:
        return True  # being compressed: looked at again when it has come to rest
    if not original.compressed and same_content(log, original):
        return True
    length = log.length()
    return not log.complete or _agree_at(log, original, length)


def _agree_at(one: LogFile, other: LogFile, offset: int) -> bool:
    back = tail_length(offset)
    content = one.read_at(offset - back, back)
    return len(content) == back and content == other.read_at(offset - back, back)
