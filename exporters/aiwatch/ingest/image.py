"""Everything that is committed, in memory, and each commit as bytes: written one after the other they make it anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from aiwatch.ingest.commit import Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.state import Key, Series
from aiwatch.kinds.base import Histogram


class _Held(msgspec.Struct, array_like=True, gc=False):
    """A series as it is written."""

    name: str
    labels: tuple[str, ...]
    born: float
    value: float | Histogram


class _Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A commit as it is written."""

    positions: dict[str, Position] = {}
    forgotten_streams: list[str] = []
    series: list[_Held] = []
    sessions: dict[str, dict[str, float]] = {}
    forgotten_sessions: dict[str, float] = {}
    joins: list[Join] = []
    joined: list[str] = []
    dead_letter_bytes: int | None = None
    shown_until: float | None = None
    profiles: Sequence[HeldProfile] = ()
    forgotten_profiles: Sequence[str] = ()


class DamagedError(ValueError):
    """Bytes that are no commit."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Written)


def pack(commit: Commit) -> bytes:
    """Return a commit as bytes.

    >>> unpack(pack(Commit(joined=["bot:f1"]))).joined
    ['bot:f1']
    """
    series = [_Held(name, labels, held.born, held.value) for (name, labels), held in commit.series.items()]
    return _ENCODER.encode(
        _Written(
            positions=commit.positions,
            forgotten_streams=commit.forgotten_streams,
            series=series,
            sessions=commit.sessions,
            forgotten_sessions=commit.forgotten_sessions,
            joins=commit.joins,
            joined=commit.joined,
            dead_letter_bytes=commit.dead_letter_bytes,
            shown_until=commit.shown_until,
            profiles=commit.profiles,
            forgotten_profiles=commit.forgotten_profiles,
        )
    )


def unpack(data: bytes) -> Commit:
    """Return the commit that `pack` made bytes of.

    Raises:
        DamagedError: it did not.
    """
    try:
        written = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedError(str(error)) from None
    return Commit(
        positions=written.positions,
        forgotten_streams=written.forgotten_streams,
        series={(held.name, held.labels): Series(held.value, held.born) for held in written.series},
        sessions=written.sessions,
        forgotten_sessions=written.forgotten_sessions,
        joins=written.joins,
        joined=written.joined,
        dead_letter_bytes=written.dead_letter_bytes,
        shown_until=written.shown_until,
        profiles=written.profiles,
        forgotten_profiles=written.forgotten_profiles,
    )


class Image:
    """Everything that is committed. Values are shared with whoever gave them, and never altered.

    ``positions`` are by stream, ``sessions`` (epoch seconds of the newest event) by process and session, ``joins``
    by feedback, ``profiles`` by part.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.positions: dict[str, Position] = {}
        self.series: dict[Key, Series] = {}
        self.sessions: dict[str, dict[str, float]] = {}
        self.joins: dict[str, Join] = {}
        self.profiles: dict[str, HeldProfile] = {}
        self.dead_letter_bytes = 0
        self.shown_until = 0.0

    @classmethod
    def of(cls, commits: Iterable[Commit]) -> Image:
        """Return what ``commits`` make of nothing."""
        image = cls()
        for commit in commits:
            image.apply(commit)
        return image

    def apply(self, commit: Commit) -> None:
        """Make the changes of a commit."""
        self.positions.update(commit.positions)
        for stream in commit.forgotten_streams:
            self.positions.pop(stream, None)
        self.series.update(commit.series)
        for process, touched in commit.sessions.items():
            self.sessions.setdefault(process, {}).update(touched)
        for process, before in commit.forgotten_sessions.items():
            kept = {session: seen for session, seen in self.sessions.get(process, {}).items() if seen >= before}
            self.sessions[process] = kept
        self.joins.update({join.feedback: join for join in commit.joins})
        for feedback in commit.joined:
            self.joins.pop(feedback, None)
        self.profiles.update({held.document.part: held for held in commit.profiles})
        for part in commit.forgotten_profiles:
            self.profiles.pop(part, None)
        if commit.dead_letter_bytes is not None:
            self.dead_letter_bytes = commit.dead_letter_bytes
        if commit.shown_until is not None:
            self.shown_until = commit.shown_until

    def positions_of(self, source: str) -> list[Position]:
        """Return the positions of the streams of a source."""
        return [each for each in self.positions.values() if each.source == source]

    def waiting_joins(self) -> list[Join]:
        """Return the feedback that waits for its interaction, oldest first."""
        return sorted(self.joins.values(), key=lambda join: join.since)

    def whole(self) -> Commit:
        """Return the commit that makes all this of nothing."""
        return Commit(
            positions=self.positions,
            series=self.series,
            sessions=self.sessions,
            joins=list(self.joins.values()),
            dead_letter_bytes=self.dead_letter_bytes,
            shown_until=self.shown_until,
            profiles=list(self.profiles.values()),
        )
