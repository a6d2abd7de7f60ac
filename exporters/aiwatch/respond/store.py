"""What is kept of notifications, and what a store of them promises.

Each alert has at most two entries per episode (the time from firing to resolved): the notification that it
fires, and the one that it is resolved. Alertmanager repeats itself, every ``repeat_interval`` and whenever
a delivery failed; a repetition does not add an entry, it counts on the one that is there. Of the two, the one
delivered last is ``current``; the inbox shows only current entries, so that an alert stands in it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from aiwatch.respond.payload import Alert, Notification, Status


class StoreError(Exception):
    """The store could not do it now; the message says why. The same call may succeed later."""


class Entry(msgspec.Struct, frozen=True):
    """One notification about one alert, as it is stored (field for field) and shown.

    ``timestamp`` is when it was first received, ``last_received_at`` when Alertmanager repeated it last,
    ``deliveries`` how often it came in all. Times are in UTC, in whole milliseconds.
    """

    timestamp: datetime = msgspec.field(name="@timestamp")
    id: str
    status: Status
    current: bool
    alertname: str
    process: str | None
    severity: str | None
    starts_at: datetime
    ends_at: datetime | None
    last_received_at: datetime
    deliveries: int
    fingerprint: str
    receiver: str
    group_key: str
    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    external_url: str


class Cursor(msgspec.Struct, frozen=True, order=True):
    """A place in the inbox, newest first: entries after it are older. Without an id: before that time."""

    timestamp: datetime
    id: str = ""


class Filter(msgspec.Struct, frozen=True):
    """Which current entries to show: at most ``limit``, those after ``before``, of one process or status."""

    process: str | None = None
    status: Status | None = None
    before: Cursor | None = None
    limit: int = 50


class Page(msgspec.Struct, frozen=True):
    """Entries, newest first, and where the next page begins; None when this is the last."""

    entries: tuple[Entry, ...]
    next: Cursor | None


class Store(Protocol):
    """Keeps notifications. Every method raises StoreError when the store cannot be reached or refuses."""

    def put(self, notification: Notification, received_at: datetime) -> None:
        """Keep every alert of ``notification``, received at ``received_at`` (UTC); then ``find`` finds it."""

    def find(self, wanted: Filter) -> Page:
        """Return the current entries that match, newest first."""

    def check(self) -> None:
        """Return if the store can be reached and read."""


def entry_id(alert: Alert, status: Status) -> str:
    """Return the id of the entry that says that ``alert``, in this episode, has ``status``."""
    text = f"{alert.fingerprint}\n{alert.starts_at.isoformat()}\n{status}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def entries_after(
    notification: Notification, alerts: Iterable[Alert], received_at: datetime, known: Mapping[str, Entry]
) -> dict[str, Entry]:
    """Return the entries that change when ``alerts`` of ``notification`` are received, by id.

    Args:
        notification: what the alerts came in.
        alerts: those of its alerts to look at.
        received_at: when, in UTC and whole milliseconds.
        known: the entries there are, by id: at least those of these alerts.
    """
    changed: dict[str, Entry] = {}
    for alert in alerts:
        new_id = entry_id(alert, alert.status)
        before = known.get(new_id)
        changed[new_id] = Entry(
            timestamp=before.timestamp if before else received_at,
            id=new_id,
            status=alert.status,
            current=True,
            alertname=alert.labels.get("alertname", ""),
            process=alert.labels.get("process"),
            severity=alert.labels.get("severity"),
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
            last_received_at=received_at,
            deliveries=before.deliveries + 1 if before else 1,
            fingerprint=alert.fingerprint,
            receiver=notification.receiver,
            group_key=notification.group_key,
            labels=alert.labels,
            annotations=alert.annotations,
            generator_url=alert.generator_url,
            external_url=notification.external_url,
        )
        other = known.get(entry_id(alert, "resolved" if alert.status == "firing" else "firing"))
        if other and other.current:
            changed[other.id] = msgspec.structs.replace(other, current=False)
    return changed
