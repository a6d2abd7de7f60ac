"""What keeps the state of shares, whoever reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aiwatch.ingest.batch import Counts
from aiwatch.ingest.commit import CheckpointStore
from aiwatch.ingest.dead_letters import Letters
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.group.share import Share


class TakenError(Exception):
    """Another exporter goes on with the share: what was not committed is its business now."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The state of a share, held by this exporter until it is closed."""

    checkpoint: CheckpointStore
    letters: Letters
    close: Callable[[], None]


class ShareStore(Protocol):
    """Keeps the state of the shares of one group.

    ``begun`` says that nothing had ever been kept there before: what a group has read already would be read again.
    """

    begun: bool

    def open(self, share: Share, stop: threading.Event) -> Holding:
        """Return the state of a share; whoever held it before cannot commit any more.

        Its commits wait until they are durable, or raise `TakenError`, or StoppedError once ``stop`` is set.

        Raises:
            CheckpointError: it cannot be had now; the message says why and what to do.
        """


class GroupMember(Protocol):
    """The exporter as a member of its group: what others ask of `aiwatch.ingest.group.member.Member`.

    Who only follows files needs no client of Kafka, which that module needs.
    """

    failure: BaseException | None

    def start(self) -> None:
        """Join the group."""

    def expositions(self) -> list[Exposition]:
        """Return the metrics of the partitions that are certainly this exporter's."""

    def problems(self) -> dict[str, str]:
        """Return which partitions cannot be read now, and why."""

    def counts(self) -> Counts:
        """Return what was done since the start."""

    def drain(self) -> None:
        """Wait until everything is delivered that was in the assigned partitions."""

    def close(self) -> None:
        """Leave the group."""
