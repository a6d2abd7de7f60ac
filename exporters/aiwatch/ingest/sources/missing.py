"""Streams whose file is gone or holds something else now: which file may be theirs, and for how long to look."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.sources.comparing import Sighting, may_hold
from aiwatch.ingest.sources.identity import digest, head_digest
from aiwatch.ingest.sources.listing import Folder
from aiwatch.ingest.sources.stream import Key, LogStream, is_at

_LOG = logging.getLogger(__name__)
_SEARCH_EVERY_SECONDS = 10.0
_SEARCH_FOR_SECONDS = 600.0
_FORGET_AFTER_SECONDS = 24 * 3600.0


@dataclass(slots=True)
class _Missing:
    """A missing stream. Times are monotonic seconds."""

    stream: LogStream
    since: float
    search_at: float | None  # None: the folder has been searched often enough
    warned: bool = False


class MissingStreams:
    """The missing streams of one pattern."""

    def __init__(self, positions: Iterable[Position], now: float) -> None:
        """Begin with what the checkpoint knows, of which no file has been seen yet."""
        self._held = {position.stream: _Missing(LogStream(position), now, now) for position in positions}

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self._held)

    def add(self, stream: LogStream, now: float) -> None:
        """Take a stream whose file was lost."""
        search_at = None if stream.position.finished else now
        self._held[stream.position.stream] = _Missing(stream, now, search_at)

    def remove(self, stream: LogStream) -> None:
        """Let go of a stream whose file was found, if it was missing at all."""
        self._held.pop(stream.position.stream, None)

    def claimants(self, sighting: Sighting, path: str, head: bytes) -> list[LogStream]:
        """Return the streams that name, inode and first bytes of a file allow, in the order in which to look closer.

        That of the same name and inode is first; then those of which most was read: what has all of that is theirs,
        while a shorter one may only have begun alike. An inode alone says little: it may have been used again.
        """
        digest_of = cache(lambda length: digest(head[:length]))
        claimants = [
            each.stream
            for each in self._held.values()
            if may_hold(each.stream.position, sighting, path)
            and each.stream.position.fingerprint_length <= len(head)
            and digest_of(each.stream.position.fingerprint_length) == head_digest(each.stream.position)
        ]
        return sorted(
            claimants, key=lambda each: (is_at(each.position, sighting.key, path), each.position.offset), reverse=True
        )

    def search(self, now: float) -> Iterator[Sighting]:
        """Yield the files beside where streams were, under whatever names, for those whose turn it is.

        Whoever finds a stream in one of them has to `remove` it before the next is asked for.
        """
        folders: dict[str, Folder] = {}
        due = [each for each in self._held.values() if each.search_at is not None and now >= each.search_at]
        for missing in due:
            position = missing.stream.position
            name = os.path.dirname(position.path)
            if name not in folders:
                folders[name] = Folder(name)
            yield from folders[name].likely(position)
            done = position.finished or now - missing.since > _SEARCH_FOR_SECONDS
            missing.search_at = None if done else now + _SEARCH_EVERY_SECONDS
            lost_for = now - missing.since if position.stream in self._held else 0.0
            if lost_for >= _SEARCH_EVERY_SECONDS and not missing.warned and not position.finished:
                missing.warned = True
                _warn_of_loss(missing.stream)

    def forget(self, found: dict[Key, Sighting], followed: Container[Key], now: float) -> list[str]:
        """Drop streams missing for a day, and return their ids.

        Not so if all of their folder is gone (a mount may be), or if their files are ``found`` but cannot be read.
        """
        old = [name for name, each in self._held.items() if now - each.since > _FORGET_AFTER_SECONDS]
        if not old:
            return []
        folders = {os.path.dirname(os.path.realpath(sighting.path)) for sighting in found.values()}
        forgotten: list[str] = []
        for name in old:
            stream = self._held[name].stream
            unreadable = stream.key in found and stream.key not in followed
            if os.path.dirname(stream.position.path) in folders and not unreadable:
                del self._held[name]
                forgotten.append(name)
        return forgotten


def _warn_of_loss(stream: LogStream) -> None:
    position = stream.position
    may_have_more = stream.unread or stream.mtime_ns == 0  # or it was not seen since the start
    _LOG.log(
        logging.WARNING if may_have_more else logging.INFO,
        "%s: what was read up to byte %d was deleted or overwritten, and no copy lies beside it; known to be "
        "unread: %d bytes. Rotate by renaming, or keep the last copy for as long as this reader may be behind",
        position.path,
        position.offset,
        stream.unread,
    )
