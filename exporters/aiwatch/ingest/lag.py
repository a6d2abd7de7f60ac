"""For how long the oldest line that is not yet delivered has been waiting."""

from __future__ import annotations

from collections import deque

_MARK_EVERY = 0.5  # seconds


class Lag:
    """Tells the lag of one process from counts of bytes.

    Now and then it marks how many bytes were known to be written. Once as many are delivered, every line that waits
    was written after that mark. (Counts cannot tell the bytes of a file that was lost; nothing being left can.)

    >>> lag = Lag(0.0)
    >>> lag.look(100.0, unread=50, flying=0); lag.since
    0.0
    >>> lag.delivered(30); lag.look(101.0, unread=40, flying=0); lag.since  # 20 of those 50 are left, 20 are new
    0.0
    >>> lag.delivered(20); lag.look(102.0, unread=20, flying=0); lag.since
    100.0
    >>> lag.delivered(20); lag.look(103.0, unread=0, flying=0); lag.since is None
    True
    """

    def __init__(self, now: float) -> None:
        """Begin ``now`` (epoch seconds) with nothing waiting."""
        self.bytes = 0
        self._caught_up = now
        self._waits = False
        self._delivered = 0
        self._marks: deque[tuple[float, int]] = deque()  # (time, bytes that were known then)

    @property
    def since(self) -> float | None:
        """Since when the oldest line waits at most (epoch seconds); None when none does."""
        return self._caught_up if self._waits else None

    def delivered(self, size: int) -> None:
        """Note that ``size`` bytes were committed."""
        self._delivered += size

    def look(self, now: float, unread: int, flying: int) -> None:
        """Note that ``unread`` bytes are known to be written and not read, and ``flying`` bytes are not committed."""
        self.bytes = unread + flying
        self._waits = self.bytes > 0
        if not self._waits:
            self._caught_up = now
            self._marks.clear()
            return
        while self._marks and self._marks[0][1] <= self._delivered:
            self._caught_up = self._marks.popleft()[0]
        if not self._marks or now - self._marks[-1][0] >= _MARK_EVERY:
            self._marks.append((now, self._delivered + self.bytes))
