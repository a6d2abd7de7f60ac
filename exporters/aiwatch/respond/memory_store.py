"""A store that forgets when the process ends, to try out what stands in front of it."""

from __future__ import annotations

import threading
from datetime import datetime

from aiwatch.respond.payload import Notification
from aiwatch.respond.store import Cursor, Entry, Filter, Page, entries_after


class MemoryStore:
    """Keeps notifications in a dict."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def put(self, notification: Notification, received_at: datetime) -> None:
        """Keep every alert of ``notification``."""
        with self._lock:
            self._entries |= entries_after(notification, notification.alerts, received_at, self._entries)

    def find(self, wanted: Filter) -> Page:
        """Return the current entries that match, newest first."""
        with self._lock:
            found = [(Cursor(entry.timestamp, entry.id), entry) for entry in self._entries.values() if entry.current]
        matching = [
            (place, entry)
            for place, entry in sorted(found, key=lambda pair: pair[0], reverse=True)
            if wanted.process in (None, entry.process)
            and wanted.status in (None, entry.status)
            and (wanted.before is None or place < wanted.before)
        ]
        page = matching[: wanted.limit]
        return Page(
            entries=tuple(entry for _, entry in page),
            next=page[-1][0] if len(matching) > len(page) else None,
        )

    def check(self) -> None:
        """Return: memory can always be reached."""
