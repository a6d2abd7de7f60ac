"""What is committed together, and what a pipeline asks of whoever remembers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.state import Key, Series

if TYPE_CHECKING:
    from aiwatch.ingest.image import Image


class CheckpointError(Exception):
    """The checkpoint cannot be used; the message says what to do."""


class Join(msgspec.Struct, frozen=True):
    """Feedback that still has to be put onto its interaction."""

    feedback: str
    interaction: str
    patch: dict[str, Any]
    since: float


class Commit(msgspec.Struct):
    """Everything that changes together: what one delivered batch brings, or housekeeping.

    ``sessions`` and ``forgotten_sessions`` are by process; the latter holds the epoch seconds before which sessions
    are dropped. ``shown_until`` is up to which birth the metrics' series were shown with their values.
    ``forgotten_profiles`` are parts.
    """

    positions: dict[str, Position] = {}
    forgotten_streams: list[str] = []
    series: Mapping[Key, Series] = {}
    sessions: dict[str, dict[str, float]] = {}
    forgotten_sessions: dict[str, float] = {}
    joins: list[Join] = []
    joined: list[str] = []
    dead_letter_bytes: int | None = None
    shown_until: float | None = None
    profiles: Sequence[HeldProfile] = ()
    forgotten_profiles: Sequence[str] = ()


class CheckpointStore(Protocol):
    """Remembers what has been delivered. This is all that a pipeline asks of it."""

    @property
    def image(self) -> Image:
        """Everything that is committed."""

    def commit(self, commit: Commit) -> None:
        """Make everything in ``commit`` durable, or nothing of it."""
