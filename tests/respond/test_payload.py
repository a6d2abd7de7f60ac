"""Parsing of Alertmanager's webhook: what is accepted, and how a refusal names the place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aiwatch.respond.payload import PayloadError, parse

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "ChatConfidenceLow", "severity": "warning", "process": "support-chatbot"},
    "annotations": {"summary": "The bot is unsure."},
    "startsAt": "2026-01-02T03:04:05.678901234Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph?g0.expr=1",
    "fingerprint": "c0ffee",
}
PAYLOAD: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="ChatConfidenceLow"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "responder",
    "groupLabels": {"alertname": "ChatConfidenceLow"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager",
    "alerts": [ALERT],
}


def encode(alert: dict[str, Any] | None = None, **changes: Any) -> bytes:
    return json.dumps({**PAYLOAD, "alerts": [{**ALERT, **(alert or {})}], **changes}).encode()


def test_a_firing_alert_has_no_end_and_times_in_whole_milliseconds() -> None:
    (alert,) = parse(encode()).alerts
    assert alert.starts_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    assert alert.ends_at is None
    assert alert.generator_url == "http://prometheus/graph?g0.expr=1"


def test_a_resolved_alert_has_its_end_in_utc() -> None:
    (alert,) = parse(encode({"status": "resolved", "endsAt": "2026-01-02T05:00:00+01:00"})).alerts
    assert alert.ends_at == datetime(2026, 1, 2, 4, tzinfo=UTC)


def test_what_the_receiver_does_not_know_is_passed_over() -> None:
    assert parse(encode({"value": 1}, routeID="x")).receiver == "responder"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b"[]", r"Expected `object`, got `array`"),
        (b'{"version": "4", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
        (encode(version="5"), r"version is '5'.*\$\.version"),
        (encode(alerts=None), r"\$\.alerts"),
        (encode({"status": "lost"}), r"\$\.alerts\[0\]\.status"),
        (encode({"labels": {"severity": 1}}), r"\$\.alerts\[0\]\.labels"),
        (encode({"startsAt": "yesterday"}), r"\$\.alerts\[0\]\.startsAt"),
        (encode({"startsAt": "2026-01-02T03:04:05"}), r"no offset - at `\$\.alerts\[0\]\.startsAt"),
        (encode({"fingerprint": ""}), r"\$\.alerts\[0\]\.fingerprint"),
    ],
)
def test_a_malformed_payload_is_refused_by_the_name_of_the_field(body: bytes, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        parse(body)


@pytest.mark.parametrize("field", ["status", "labels", "annotations", "startsAt", "endsAt", "fingerprint"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    alert = {name: value for name, value in ALERT.items() if name != field}
    with pytest.raises(PayloadError, match=rf"missing required field `{field}` - at `\$\.alerts\[0\]`"):
        parse(encode(alerts=[alert]))
