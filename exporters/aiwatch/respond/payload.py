"""Alertmanager's webhook, version 4, as frozen records.

Reference: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

Status = Literal["firing", "resolved"]


class PayloadError(ValueError):
    """The body is not a version 4 notification; the message names the field and what is wrong with it."""


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert of a notification. An alert that still fires has no ``ends_at``."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    fingerprint: str
    generator_url: str = msgspec.field(default="", name="generatorURL")


class Notification(msgspec.Struct, frozen=True, rename="camel"):
    """One delivery: the alerts of one group, for one receiver.

    ``truncated_alerts`` counts the alerts of the group that Alertmanager left out (its ``max_alerts``).
    """

    version: str
    receiver: str
    group_key: str
    alerts: tuple[Alert, ...]
    external_url: str = msgspec.field(default="", name="externalURL")
    truncated_alerts: int = 0


_decoder = msgspec.json.Decoder(Notification)


def parse(body: bytes) -> Notification:
    """Return the notification in ``body``.

    Raises:
        PayloadError: it is no JSON, a field is missing or of the wrong type, or the version is another one.

    >>> parse(b'{"version": "4", "receiver": "r", "groupKey": "g", "alerts": [{"status": "lost"}]}')
    Traceback (most recent call last):
    aiwatch.respond.payload.PayloadError: Invalid enum value 'lost' - at `$.alerts[0].status`
    """
    try:
        notification = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(str(error)) from None
    if notification.version != "4":
        raise PayloadError(f"version is {notification.version!r}, this is a receiver of version '4' - at `$.version`")
    alerts = tuple(_checked(alert, number) for number, alert in enumerate(notification.alerts))
    return msgspec.structs.replace(notification, alerts=alerts)


def _checked(alert: Alert, number: int) -> Alert:
    for name, time in (("startsAt", alert.starts_at), ("endsAt", alert.ends_at)):
        if time is not None and time.tzinfo is None:
            raise PayloadError(f"the time has no offset - at `$.alerts[{number}].{name}`")
    if not alert.fingerprint:
        raise PayloadError(f"the fingerprint is empty - at `$.alerts[{number}].fingerprint`")
    ended = alert.ends_at if alert.status == "resolved" else None
    return msgspec.structs.replace(
        alert, starts_at=_whole_milliseconds(alert.starts_at), ends_at=ended and _whole_milliseconds(ended)
    )


def _whole_milliseconds(time: datetime) -> datetime:
    """Return ``time`` in UTC, cut to milliseconds: the precision that a store keeps."""
    try:
        time = time.astimezone(UTC)
    except OverflowError:  # year 1 with a positive offset
        time = time.replace(tzinfo=UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
