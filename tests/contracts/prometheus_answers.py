"""Questions put to a running Prometheus, and what counts as an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import requests

POLL_SECONDS = 3.0
Question = TypeVar("Question")


def ask(url: str, path: str, **parameters: Any) -> Any:
    """Return the ``data`` of an API call.

    Raises:
        AssertionError: Prometheus did not take it; the message is its own.
    """
    answer = requests.get(f"{url}/api/v1/{path}", params=parameters, timeout=60).json()
    assert answer["status"] == "success", f"{answer.get('error')}: {parameters}"
    return answer["data"]


def instant(url: str, expr: str) -> list[dict[str, Any]]:
    """Return the result of a query now, a scalar as a series without labels."""
    data = ask(url, "query", query=expr)
    if data["resultType"] == "scalar":
        return [{"metric": {}, "value": data["result"]}]
    result: list[dict[str, Any]] = data["result"]
    return result


def over(url: str, expr: str, seconds: float, step: float) -> list[dict[str, Any]]:
    """Return the result of a query over the last ``seconds``."""
    now = time.time()
    result: list[dict[str, Any]] = ask(url, "query_range", query=expr, start=now - seconds, end=now, step=step)[
        "result"
    ]
    return result


def has_number(series: Iterable[dict[str, Any]]) -> bool:
    """Tell whether there is a sample among them, other than NaN."""
    values = (value for one in series for _, value in one.get("values") or [one["value"]])
    return any(not math.isnan(float(value)) for value in values)


def unanswered(questions: Iterable[Question], answered: Callable[[Question], bool], seconds: float) -> list[Question]:
    """Return the questions that have no answer even after ``seconds``; those that have one are not asked again."""
    until = time.monotonic() + seconds
    left = list(questions)
    while left := [question for question in left if not answered(question)]:
        if time.monotonic() > until:
            break
        time.sleep(POLL_SECONDS)
    return left
