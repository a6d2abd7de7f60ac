"""A trail that forgets when the process ends, to try out what writes it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from aiwatch.respond.trail import Entry


class MemoryTrail:
    """Keeps entries in a dict."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[tuple[str, int], Entry] = {}
        self._lock = threading.Lock()

    def read(self, after: Mapping[str, int]) -> Sequence[Entry]:
        """Return the entries of each process that come after a number, in their order."""
        with self._lock:
            return [
                entry
                for (process, number), entry in sorted(self._entries.items())
                if process in after and number > after[process]
            ]

    def create(self, entry: Entry) -> bool:
        """Keep an entry; return False, and keep nothing, if the process has one of that number."""
        key = (entry.process, entry.number)
        with self._lock:
            is_new = key not in self._entries
            self._entries.setdefault(key, entry)
            return is_new
