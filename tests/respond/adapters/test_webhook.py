"""The webhook, received by the reference implementation of Standard Webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Reference
from standardwebhooks import WebhookVerificationError

from aiwatch.kinds.response import SignedWebhook
from aiwatch.respond.adapters.contract import AdapterError
from aiwatch.respond.adapters.webhook import Webhook
from aiwatch.respond.policy import secrets_in
from tests.respond.adapters.receiver import Receiver, receiver
from tests.respond.adapters.test_adapters import PAUSED, RESUMED, SECRET


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    with receiver(lambda _: (200, {})) as found:
        yield found


def webhook(url: str, folder: Path, secret: str = SECRET) -> Webhook:
    (folder / "secret").write_text(f"{secret}\n")
    return Webhook(SignedWebhook(url=url, secret_file="secret"), secrets_in(folder))


def test_the_reference_implementation_accepts_the_signature(endpoint: Receiver, tmp_path: Path) -> None:
    webhook(endpoint.url, tmp_path).pause(PAUSED, {})
    (asked,) = endpoint.asked
    assert Reference(SECRET).verify(asked.body, asked.headers) == {
        "type": "model.under_review",
        "data": {
            "process": "card-fraud",
            "since": "2026-03-01T09:00:00Z",
            "pause_retraining": True,
            "quarantined": [
                {"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T10:00:00Z", "model_version": "7"},
            ],
            "url": "http://localhost:8080/models/card-fraud",
        },
    }
    assert asked.headers["content-type"] == "application/json"


def test_the_reference_implementation_refuses_what_somebody_changed(endpoint: Receiver, tmp_path: Path) -> None:
    webhook(endpoint.url, tmp_path).pause(PAUSED, {})
    (asked,) = endpoint.asked
    for body, headers in (
        (asked.body.replace(b"card-fraud", b"other-one"), asked.headers),
        (asked.body, {**asked.headers, "webhook-id": "another"}),
    ):
        with pytest.raises(WebhookVerificationError):
            Reference(SECRET).verify(body, headers)


def test_every_attempt_has_the_same_id(endpoint: Receiver, tmp_path: Path) -> None:
    for _ in range(2):
        webhook(endpoint.url, tmp_path).pause(PAUSED, {})
    assert [asked.headers["webhook-id"] for asked in endpoint.asked] == [PAUSED.id] * 2


def test_resuming_tells_who_and_why(endpoint: Receiver, tmp_path: Path) -> None:
    webhook(endpoint.url, tmp_path).resume(RESUMED, {})
    said = endpoint.asked[0].json
    assert (said["type"], said["data"]["by"], said["data"]["reason"]) == ("model.resumed", "Ada", "mended")


@pytest.mark.parametrize("secret", ["plain", "whsec_", "whsec_***", "whsec_c2hvcnQ=", ""])
def test_what_is_no_secret_of_a_webhook_is_refused_before_anything_is_sent(
    endpoint: Receiver, tmp_path: Path, secret: str
) -> None:
    with pytest.raises(AdapterError, match="secret"):
        webhook(endpoint.url, tmp_path, secret).pause(PAUSED, {})
    assert endpoint.asked == []
