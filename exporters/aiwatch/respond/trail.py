"""What is kept of a response: entries that are only ever added, numbered from 1 in each process's trail.

The state of a process is what its entries add up to (`aiwatch.respond.review`), and nothing else. An entry's id is
its process and number: of two writers that decide upon the same state, one is refused, reads what the other one
wrote, and decides again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from aiwatch import names

Action = Literal["pause", "resume"]


class Window(msgspec.Struct, frozen=True):
    """A time range of predictions: of one model version, or of all (None); without an end as long as it goes on."""

    start: datetime
    end: datetime | None = None
    model_version: str | None = None


class _Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """What every entry says: when, of which process, as its how manieth, and in which of its reviews."""

    time: datetime = msgspec.field(name=names.TIMESTAMP)
    process: str
    number: int
    case: int


class Opened(_Entry, frozen=True, kw_only=True):
    """An alert brought the model under review. ``steps`` are to be done; ``pauses`` tells whether the gate closes."""

    alert_since: datetime
    steps: tuple[str, ...]
    pauses: bool


class Joined(_Entry, frozen=True, kw_only=True):
    """Another alert fires of a model that is under review already."""

    alert_since: datetime


class Quarantined(_Entry, frozen=True, kw_only=True):
    """Predictions of these windows are not to be learned from."""

    windows: tuple[Window, ...]


class Started(_Entry, frozen=True, kw_only=True):
    """An attempt at a step begins. ``memo`` is how the step found things, to be able to undo it."""

    step: str
    action: Action
    memo: dict[str, str]


class Succeeded(_Entry, frozen=True, kw_only=True):
    """The step is done; ``detail`` says what was."""

    step: str
    action: Action
    detail: str


class Failed(_Entry, frozen=True, kw_only=True):
    """The attempt failed and will be repeated; ``detail`` says why."""

    step: str
    action: Action
    detail: str


class Dropped(_Entry, frozen=True, kw_only=True):
    """The step will not be tried again; ``detail`` says why."""

    step: str
    action: Action
    detail: str


class Resumed(_Entry, frozen=True, kw_only=True):
    """A person ended the review. With ``release``, what was quarantined in it may be learned from after all."""

    by: str
    reason: str
    release: bool


Entry = Opened | Joined | Quarantined | Started | Succeeded | Failed | Dropped | Resumed


class Trail(Protocol):
    """Keeps entries. Both methods raise `aiwatch.respond.store.StoreError` when it cannot be reached or refuses."""

    def read(self, after: Mapping[str, int]) -> Sequence[Entry]:
        """Return the entries of each process that come after a number, in their order."""

    def create(self, entry: Entry) -> bool:
        """Keep an entry; return False, and keep nothing, if the process has one of that number."""


def entry_id(process: str, number: int) -> str:
    """Return the id of an entry.

    >>> entry_id("card-fraud", 7)
    'card-fraud:000007'
    """
    return f"{process}:{number:06d}"
