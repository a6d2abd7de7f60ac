"""One request to another system: an answer in time, or the reason in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from aiwatch.kinds.response import Login
from aiwatch.respond.adapters.contract import AdapterError, Secret
from aiwatch.respond.request import request

_SECONDS = 10.0  # until the answer is there
_SHOWN = 200  # characters of a refusal that are worth a look


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: 2xx, or 404 where that was expected."""

    status: int
    body: bytes

    def get(self, *path: str) -> Any:
        """Return what stands in a JSON answer under a path of keys.

        Raises:
            AdapterError: nothing does.

        >>> Answer(200, b'{"a": {"b": 1}}').get("a", "b")
        1
        """
        try:
            found = msgspec.json.decode(self.body)
            for key in path:
                found = found[key]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
            raise AdapterError(f"the answer has no {'.'.join(path)}: {_start(self.body)}") from None
        return found


def call(
    method: str,
    url: str,
    *,
    json: Any = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    auth: requests.auth.AuthBase | None = None,
    missing: bool = False,
) -> Answer:
    """Send a request and return the answer.

    Args:
        method: of HTTP.
        url: the whole address.
        json: what to send as JSON, or
        body: the bytes themselves.
        headers: to send besides.
        auth: adds the credentials. Those of a ``.netrc`` are never used.
        missing: whether 404 is an answer and not an error.

    Raises:
        AdapterError: no answer came, or one that is no success.
    """
    try:
        answer = request(method, url, _SECONDS, json=json, data=body, headers=headers, auth=auth or _nobody)
    except requests.Timeout:
        raise AdapterError(f"{method} {url}: no answer in time") from None
    except requests.RequestException as error:
        raise AdapterError(f"{method} {url}: {_cause(error)}") from None
    if 200 <= answer.status < 300 or (missing and answer.status == 404):
        return Answer(answer.status, answer.body)
    leads = f" to {answer.location}" if answer.location else ""
    raise AdapterError(f"{method} {url}: answered {answer.status}{leads}: {_start(answer.body)}")


class Bearer(requests.auth.AuthBase):
    """Presents a token."""

    def __init__(self, token: str) -> None:
        """Keep it."""
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def credentials(login: Login, secret: Secret) -> requests.auth.AuthBase | None:
    """Return how to log in by what the catalogue says; None for not at all.

    Raises:
        AdapterError: a secret cannot be read.
    """
    if login.token_file:
        return Bearer(secret(login.token_file))
    if login.username:
        return HTTPBasicAuth(login.username.encode(), secret(login.password_file).encode())
    return None


def _nobody(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared


def _cause(error: BaseException) -> str:
    """Return the innermost reason: the outer ones repeat the address and how often it was tried."""
    while error.args and isinstance(inner := getattr(error.args[0], "reason", error.args[0]), BaseException):
        error = inner
    return str(error.__cause__ or error.__context__ or error)


def _start(body: bytes) -> str:
    text = " ".join(body[: 4 * _SHOWN].decode("utf-8", "replace").split())
    return text[:_SHOWN] or "nothing"
