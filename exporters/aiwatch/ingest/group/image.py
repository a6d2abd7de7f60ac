"""The state of one share in memory, and the changes that it is made of: one per commit, as compressed bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import msgspec

from aiwatch.ingest.checkpoint import Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.state import Key, Series
from aiwatch.kinds.base import Histogram

_FAST = 1  # zlib's quickest level: what is saved beyond it is not worth the time


class _Held(msgspec.Struct, frozen=True, array_like=True):
    """A series as it is written."""

    name: str
    labels: tuple[str, ...]
    born: float
    value: float | Histogram


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one commit changed; the field names are those of `Commit`. The whole state is a change of nothing."""

    positions: dict[str, Position] = {}
    forgotten_streams: list[str] = []
    series: list[_Held] = []
    sessions: dict[str, dict[str, float]] = {}
    forgotten_sessions: dict[str, float] = {}
    joins: list[Join] = []
    joined: list[str] = []
    shown_until: float | None = None
    profiles: Sequence[HeldProfile] = ()
    forgotten_profiles: Sequence[str] = ()


class DamagedError(ValueError):
    """Bytes that are no change."""


def pack(change: Change) -> bytes:
    """Return a change as bytes.

    >>> unpack(pack(Change(joined=["bot:f1"]))).joined
    ['bot:f1']
    """
    return zlib.compress(msgspec.msgpack.encode(change), _FAST)


def unpack(data: bytes) -> Change:
    """Return the change that `pack` made bytes of.

    Raises:
        DamagedError: it did not.
    """
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=Change)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedError(str(error)) from None


def change_of(commit: Commit) -> Change:
    """Return what a commit changes, ready to be packed."""
    return Change(
        positions=commit.positions,
        forgotten_streams=commit.forgotten_streams,
        series=[_Held(name, labels, held.born, held.value) for (name, labels), held in commit.series.items()],
        sessions=commit.sessions,
        forgotten_sessions=commit.forgotten_sessions,
        joins=commit.joins,
        joined=commit.joined,
        shown_until=commit.shown_until,
        profiles=commit.profiles,
        forgotten_profiles=commit.forgotten_profiles,
    )


class Image:
    """Everything that is committed of one share. Values are shared with whoever gave them, and never altered."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.positions: dict[str, Position] = {}
        self.sessions: dict[str, dict[str, float]] = {}
        self.joins: dict[str, Join] = {}
        self.shown_until = 0.0
        self.profiles: dict[str, HeldProfile] = {}
        self._series: dict[Key, _Held] = {}

    def apply(self, change: Change) -> None:
        """Make a change."""
        self.positions.update(change.positions)
        for stream in change.forgotten_streams:
            self.positions.pop(stream, None)
        self._series.update({(held.name, held.labels): held for held in change.series})
        for process, touched in change.sessions.items():
            self.sessions.setdefault(process, {}).update(touched)
        for process, before in change.forgotten_sessions.items():
            kept = {session: seen for session, seen in self.sessions.get(process, {}).items() if seen >= before}
            self.sessions[process] = kept
        self.joins.update({join.feedback: join for join in change.joins})
        for feedback in change.joined:
            self.joins.pop(feedback, None)
        self.profiles.update({held.document.part: held for held in change.profiles})
        for part in change.forgotten_profiles:
            self.profiles.pop(part, None)
        if change.shown_until is not None:
            self.shown_until = change.shown_until

    def series(self) -> Iterator[tuple[Key, Series]]:
        """Return every series."""
        for key, held in self._series.items():
            yield key, Series(held.value, held.born)

    def whole(self) -> Change:
        """Return the change that makes all this of nothing."""
        return Change(
            positions=self.positions,
            series=list(self._series.values()),
            sessions=self.sessions,
            joins=list(self.joins.values()),
            shown_until=self.shown_until,
            profiles=list(self.profiles.values()),
        )
