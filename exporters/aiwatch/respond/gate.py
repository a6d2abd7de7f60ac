"""Whether a model may be retrained now: as the responder answers it, and as `aiwatch gate` reads the answer."""

from __future__ import annotations

from datetime import datetime

import msgspec

from aiwatch.respond.review import Review
from aiwatch.respond.trail import Window
from aiwatch.respond.windows import merged


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: ``allowed`` with its ``reason`` in words; and the windows not to learn from, in either case."""

    process: str
    allowed: bool
    reason: str
    under_review: bool
    since: datetime | None
    quarantined: tuple[Window, ...]
    url: str


def gate(review: Review, url: str) -> Gate:
    """Return whether retraining may run, by the state of a process.

    >>> gate(Review("card-fraud"), "http://localhost:8080/models/card-fraud").reason
    'not under review'
    """
    since = review.opened.alert_since if review.open and review.opened else None
    return Gate(
        process=review.process,
        allowed=not review.paused,
        reason=_reason(review, since),
        under_review=review.open,
        since=since,
        quarantined=tuple(merged(review.windows)),
        url=url,
    )


def _reason(review: Review, since: datetime | None) -> str:
    if since:
        but = "" if review.paused else ", but its retraining is not paused"
        return f"under review since {since:%Y-%m-%d %H:%M} UTC{but}"
    if review.resumed:
        last = review.resumed
        return f"resumed by {last.by} at {last.time:%Y-%m-%d %H:%M} UTC: {last.reason}"
    return "not under review"
