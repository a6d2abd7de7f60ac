"""Which windows there are, which are closed, and where testing has to go on: pure decisions upon what was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

HOUR = timedelta(hours=1)
SETTLED = timedelta(minutes=5)  # after its end a window is closed, if something of a later hour has come
SURELY = timedelta(minutes=15)  # after its end it is closed in any case
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Seen = Mapping[datetime, int]
"""Beginning of an hour -> rows that the profiles of this hour hold."""


class Link(msgspec.Struct, frozen=True):
    """A window that was tested, and what told its test from any other.

    Attributes:
        start: beginning of the window.
        end: its end, excluded.
        rows: that its profiles held when it was tested; more of them are late ones.
        baseline: fingerprint of the baseline that it was compared with.
        previous: `digest` of the window before it, whose memory the test began with; empty for the first one.
    """

    start: datetime
    end: datetime
    rows: int
    baseline: str
    previous: str = ""

    @property
    def digest(self) -> str:
        """A hash of this window and, through ``previous``, of all before it."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def unbroken(links: Sequence[Link], baseline: str) -> list[Link]:
    """Return how many of the stored windows, oldest first, follow from each other and belong to a baseline.

    What comes after a break was left by a test that was cut off half way through; it is tested again.

    >>> at = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(4)]
    >>> one = Link(at[0], at[1], 9, "b")
    >>> two = Link(at[1], at[2], 9, "b", one.digest)
    >>> stale = Link(at[2], at[3], 9, "b", "of another past")
    >>> unbroken([one, two, stale], "b") == [one, two], unbroken([one, two], "another")
    (True, [])
    """
    kept: list[Link] = []
    for link in links:
        follows = not kept or (link.start == kept[-1].end and link.previous == kept[-1].digest)
        if link.baseline != baseline or not follows:
            break
        kept.append(link)
    return kept


def before_late(links: Sequence[Link], seen: Seen) -> list[Link]:
    """Return the windows before the first one of which more rows have come since it was tested.

    >>> at = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(3)]
    >>> links = [Link(at[0], at[1], 9, "b"), Link(at[1], at[2], 9, "b")]
    >>> len(before_late(links, {at[0]: 9, at[1]: 9})), len(before_late(links, {at[0]: 9, at[1]: 12}))
    (2, 1)
    """
    for place, link in enumerate(links):
        if rows_in(seen, link.start, link.end) > link.rows:
            return list(links[:place])
    return list(links)


def next_window(
    links: Sequence[Link], seen: Seen, length: timedelta, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return the window to test next, or None while it is not closed, or nothing has ever come.

    Args:
        links: windows that were tested, oldest first.
        seen: rows by hour, from the end of the last window on at least.
        length: of a window.
        now: the present time.

    >>> at = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(4)]
    >>> next_window([], {at[1]: 5}, HOUR, at[3]) == (at[1], at[2])
    True
    >>> next_window([Link(at[0], at[1], 5, "b")], {}, HOUR, at[3]) == (at[1], at[2])
    True
    >>> next_window([], {at[1]: 5}, HOUR, at[2] + SETTLED) is None  # the exporter may be behind
    True
    """
    if links:
        start = links[-1].end
    elif seen:
        start = min(seen) - (min(seen) - _EPOCH) % length
    else:
        return None
    end = start + length
    passed_by = any(hour >= end for hour in seen)
    return (start, end) if now >= end + (SETTLED if passed_by else SURELY) else None


def rows_in(seen: Seen, start: datetime, end: datetime) -> int:
    """Return the rows of the hours of a window."""
    return sum(rows for hour, rows in seen.items() if start <= hour < end)
