"""Asks the responder, from the command line of whoever schedules retraining."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import requests

from aiwatch.respond.gate import Gate

_TIMEOUT = (5.0, 15.0)  # seconds to connect, and until the answer


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
        answer = requests.request(method, url, json=json, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise UnreachableError(f"{url}: {error}") from None
    except (requests.RequestException, ValueError) as error:
        raise ResponderError(f"{url}: {error}") from None
    if answer.status_code >= 500:
        raise UnreachableError(f"{url}: answered {answer.status_code}: {_said(answer)}")
    if answer.status_code != 200:
        raise ResponderError(f"{url}: answered {answer.status_code}: {_said(answer)}")
    try:
        return msgspec.json.decode(answer.content, type=Gate)
    except msgspec.DecodeError:
        raise ResponderError(f"{url}: this is no responder of aiwatch: {_said(answer)}") from None


def _said(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or "nothing"
