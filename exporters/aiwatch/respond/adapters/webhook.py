"""A signed webhook: any system that takes a POST is told when a model comes under review and when it is resumed.

It is signed as Standard Webhooks lays down: the header ``webhook-signature`` is ``v1,`` and the base64 of the
HMAC-SHA256, with the secret, of ``<webhook-id>.<webhook-timestamp>.<body>``. The id stays the same at every attempt,
so that a receiver can tell a repetition.

Reference: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from aiwatch.kinds.response import SignedWebhook
from aiwatch.respond.adapters.contract import AdapterError, Case, Secret
from aiwatch.respond.adapters.http_call import call

UNDER_REVIEW = "model.under_review"
RESUMED = "model.resumed"
_PREFIX = "whsec_"
_SHORTEST_KEY = 24  # bytes


class Webhook:
    """One endpoint.

    Args:
        settings: as in the catalogue.
        secret: reads secret files.
        clock: seconds since 1970.
    """

    only_pauses: ClassVar[bool] = False

    def __init__(self, settings: SignedWebhook, secret: Secret, clock: Callable[[], float] = time.time) -> None:
        """Send nothing yet."""
        self._settings = settings
        self._secret = secret
        self._clock = clock

    def look(self) -> Mapping[str, str]:
        """Return nothing: there is nothing to look at."""
        return {}

    def pause(self, case: Case, memo: Mapping[str, str]) -> str:
        """Tell that the model is under review."""
        return self._post(UNDER_REVIEW, case, {})

    def resume(self, case: Case, memo: Mapping[str, str]) -> str:
        """Tell who resumed it and why."""
        return self._post(RESUMED, case, {"by": case.by, "reason": case.reason})

    def _post(self, type_: str, case: Case, more: Mapping[str, Any]) -> str:
        data = {
            "process": case.process,
            "since": case.since,
            "pause_retraining": case.pauses,
            "quarantined": case.windows,
            "url": case.url,
            **more,
        }
        key = _key(self._secret(self._settings.secret_file), self._settings.secret_file)
        now = int(self._clock())
        body = msgspec.json.encode({"type": type_, "data": data})
        headers = {
            "content-type": "application/json",
            "webhook-id": case.id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(key, case.id, now, body),
        }
        answer = call("POST", self._settings.url, body=body, headers=headers)
        return f"{self._settings.url} was told and answered {answer.status}"


def sign(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message.

    >>> sign(b"key", "card-fraud:1:webhook:pause", 1772348400, b"{}")
    'v1,iA4tFhcT633JhWRQoLya7eh1wBT+IN2dDQs0Uqng4cU='
    """
    content = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _key(secret: str, file: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _SHORTEST_KEY:
        raise AdapterError(f"{file} holds no secret of a webhook: {_PREFIX} and {_SHORTEST_KEY} to 64 bytes in base64")
    return key
