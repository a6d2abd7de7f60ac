"""What all of the responder's addresses share: how they answer, whom they trust, how much they read."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES = 5 * 1024 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class TooLargeError(Exception):
    """The body is longer than MAX_BODY_BYTES."""


async def read_body(request: Request) -> bytes:
    """Return the body.

    Raises:
        TooLargeError: it is too long.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError
    return bytes(body)


def is_authorized(request: Request, token: str) -> bool:
    """Tell whether a request presents the token, as ``Authorization: Bearer``."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(msgspec.json.encode(content), status, {**HEADERS, **(headers or {})}, "application/json")
