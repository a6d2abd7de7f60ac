"""One HTTP request that surely ends: the whole answer within a time, or an error."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import requests

_CONNECT = 5.0  # seconds
_MOST = 1024 * 1024  # bytes


class Whole(msgspec.Struct, frozen=True):
    """An answer with everything that was sent."""

    status: int
    body: bytes
    location: str = ""


def request(method: str, url: str, seconds: float, **more: Any) -> Whole:
    """Send a request and return the whole answer; no redirect is followed.

    The timeouts of `requests` count from one byte to the next, so that who sends a byte now and then is waited for
    without end.

    Args:
        method: of HTTP.
        url: the whole address.
        seconds: until the first byte of the answer, and until the last one.
        more: as `requests.request` takes it.

    Raises:
        requests.Timeout: the answer did not end in time.
        requests.ConnectionError: nobody answered, or the answer broke off or did not end after 1 MiB.
        requests.RequestException: the question is wrong.
    """
    until = time.monotonic() + seconds
    body = bytearray()
    with requests.request(
        method, url, timeout=(_CONNECT, seconds), allow_redirects=False, stream=True, **more
    ) as answer:
        try:
            for byte in answer.iter_content(1):  # of more, it would wait until all are there
                body += byte
                if time.monotonic() > until:
                    raise requests.Timeout(f"the answer did not end within {seconds:g} s")
                if len(body) > _MOST:
                    raise requests.ConnectionError(f"the answer is longer than {_MOST} bytes")
        except requests.exceptions.ChunkedEncodingError:
            raise requests.ConnectionError("the answer broke off") from None
        return Whole(answer.status_code, bytes(body), answer.headers.get("location", ""))
