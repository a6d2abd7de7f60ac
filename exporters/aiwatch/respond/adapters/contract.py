"""What an adapter is: it stops something in another system, and lets it go on as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from aiwatch.respond.trail import Window

Secret = Callable[[str], str]
"""Returns the secret in a file; raises AdapterError when there is none. It is read anew each time, so that it can
be changed."""


class AdapterError(Exception):
    """It did not work now; the message says why, without secrets. The same call may succeed later."""


@dataclass(frozen=True, slots=True)
class Case:
    """Why a model is under review, or who resumed it: what an adapter may tell.

    ``id`` is the same at every attempt. ``url`` is the page that shows it all. ``by`` and ``reason`` are a person's
    words, empty while the model is under review.
    """

    id: str
    process: str
    since: datetime
    pauses: bool
    windows: tuple[Window, ...]
    url: str
    by: str = ""
    reason: str = ""


class Adapter(Protocol):
    """One system. All three methods raise AdapterError; any may be repeated, also after it did its work.

    ``only_pauses``: it does nothing but pause retraining, so that it is not asked where retraining goes on.
    """

    only_pauses: ClassVar[bool]

    def look(self) -> Mapping[str, str]:
        """Return how things are before anything is done, as far as `resume` needs to know it. Changes nothing."""

    def pause(self, case: Case, memo: Mapping[str, str]) -> str:
        """Do it, and return in words what was done. ``memo`` is what `look` returned at first."""

    def resume(self, case: Case, memo: Mapping[str, str]) -> str:
        """Undo it, and return in words what was done."""
