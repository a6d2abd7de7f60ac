"""Asks the responder, from the command line of whoever schedules retraining."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import requests

from aiwatch.respond.gate import Gate
from aiwatch.respond.request import Whole, request

_SECONDS = 15.0  # until the answer is there


class ResponderError(Exception):
    """The responder refused; the message says why."""


class UnreachableError(ResponderError):
    """No responder answered, or one that cannot know now; the message says what happened."""


def ask_gate(responder: str, process: str) -> Gate:
    """Return whether a process may retrain.

    Raises:
        UnreachableError: nobody can say now.
        ResponderError: the question is wrong.
    """
    return _ask("GET", f"{responder.rstrip('/')}/api/v1/gate/{quote(process, safe='')}")


def ask_to_resume(responder: str, process: str, token: str, by: str, reason: str, release: bool) -> Gate:
    """Resume a process, and return whether it may retrain now.

    Raises:
        ResponderError: it did not resume, or its answer did not come.
    """
    url = f"{responder.rstrip('/')}/api/v1/models/{quote(process, safe='')}/resume"
    body = {"by": by, "reason": reason, "release": release}
    return _ask("POST", url, json=body, headers={"Authorization": f"Bearer {token}"})


def _ask(method: str, url: str, json: object = None, headers: dict[str, str] | None = None) -> Gate:
    try:
        answer = request(method, url, _SECONDS, json=json, headers=headers)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise UnreachableError(f"{url}: {error}") from None
    except (requests.RequestException, ValueError) as error:
        raise ResponderError(f"{url}: {error}") from None
    if answer.status >= 500:
        raise UnreachableError(f"{url}: answered {answer.status}: {_said(answer)}")
    if answer.status != 200:
        raise ResponderError(f"{url}: answered {answer.status}: {_said(answer)}")
    try:
        return msgspec.json.decode(answer.body, type=Gate)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ResponderError(f"{url}: this is no responder of aiwatch: {_said(answer)}") from None


def _said(answer: Whole) -> str:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, str])["error"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return " ".join(answer.body[:200].decode("utf-8", "replace").split()) or "nothing"
