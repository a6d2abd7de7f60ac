"""Writes trails, and knows the state of every process that they add up to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from aiwatch.respond.review import Review, fold
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import Entry, Trail

_ATTEMPTS = 5  # at a number that another writer was quicker to take

Decide = Callable[[Review], Entry | None]


class Journal:
    """The trails of some processes. May be used by several threads.

    Args:
        trail: where entries are kept.
    """

    def __init__(self, trail: Trail) -> None:
        """Read nothing before the first call."""
        self._trail = trail
        self._lock = threading.Lock()
        self._reviews: Mapping[str, Review] = {}
        self._entries: Mapping[str, tuple[Entry, ...]] = {}

    @property
    def reviews(self) -> Mapping[str, Review]:
        """The state of every process that was read."""
        return self._reviews

    def entries(self, process: str) -> tuple[Entry, ...]:
        """Return the entries of a process that were read, oldest first."""
        return self._entries.get(process, ())

    def refresh(self, processes: Collection[str]) -> None:
        """Read what is new of some processes.

        Raises:
            StoreError: it cannot be read.
        """
        with self._lock:
            self._read(processes)

    def append(self, process: str, decide: Decide) -> Entry | None:
        """Write what ``decide`` makes of the state of a process, and return it; None when it wants nothing written.

        Raises:
            StoreError: it could not be written; or it was, but no answer came, which the next call sees.
        """
        with self._lock:
            if process not in self._reviews:
                self._read([process])
            for _ in range(_ATTEMPTS):
                entry = decide(self._reviews[process])
                if entry is None:
                    return None
                if self._trail.create(entry):
                    self._add({process: [entry]})
                    return entry
                self._read([process])
            raise StoreError(f"the trail of {process} kept changing under {_ATTEMPTS} attempts to write")

    def _read(self, processes: Collection[str]) -> None:
        known = {name: self._reviews[name].number if name in self._reviews else 0 for name in processes}
        found: dict[str, list[Entry]] = {name: [] for name in processes}
        for entry in self._trail.read(known):
            found[entry.process].append(entry)
        self._add(found)

    def _add(self, found: Mapping[str, list[Entry]]) -> None:
        """Take entries over; what was handed out before stays as it is, so that readers need no lock."""
        folded = {name: fold(self._reviews.get(name, Review(name)), entries) for name, entries in found.items()}
        self._reviews = {**self._reviews, **folded}
        self._entries = {**self._entries, **{name: (*self.entries(name), *new) for name, new in found.items()}}
