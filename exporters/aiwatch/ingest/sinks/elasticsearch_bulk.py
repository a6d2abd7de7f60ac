"""Documents into Elasticsearch by the bulk API, each created exactly once."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from aiwatch.ingest.contracts import Outcome, StoppedError
from aiwatch.ingest.documents import Documents, Origin, address_of, origin_of

_DUPLICATE = Outcome("duplicate")
_LOG = logging.getLogger(__name__)
_TOO_LARGE = 413
_BODY_BYTES = 16 * 2**20  # of one request; Elasticsearch takes 100 MiB unless told otherwise
_FILTER = "errors,items.*.status,items.*.error.type,items.*.error.reason"


class _Error(msgspec.Struct):
    type: str = ""
    reason: str = ""


class _Result(msgspec.Struct):
    status: int
    error: _Error = msgspec.field(default_factory=_Error)


class _Item(msgspec.Struct):
    create: _Result | None = None
    index: _Result | None = None

    def __post_init__(self) -> None:
        if self.create is None and self.index is None:
            raise ValueError("an item without a result")


class _Answer(msgspec.Struct):
    items: list[Any]
    errors: bool = True


@dataclass(slots=True)
class _Attempt:
    """What one go left over: the documents to send again, and why (a short reason, and in words)."""

    again: list[int] = field(default_factory=list)
    reason: str = ""
    words: str = ""

    def leave(self, indices: list[int], reason: str, words: str) -> None:
        self.again += indices
        self.reason, self.words = reason, words


class ElasticsearchSink:
    """Sends bulks until every document is stored, a duplicate, or refused for good.

    Only 429 and 5xx are retried, with exponential backoff and jitter, and what concerns no document in particular: no
    connection, an answer that is not Elasticsearch's, a key that is not (or no longer) allowed to write. The log says
    what, and the lag shows. A 409 is resolved by what the server holds: the same place in the log means an earlier
    delivery of this very line, any other place a repeated event.
    """

    def __init__(
        self,
        client: Elasticsearch,
        stop: threading.Event,
        on_retry: Callable[[str], None],
        longest_pause: float = 10.0,
    ) -> None:
        """Send through ``client`` until ``stop`` is set; ``on_retry`` is told the reason of each retry.

        The reasons are ``unreachable``, ``throttled``, ``server_error``, ``forbidden`` and ``bad_answer``;
        ``longest_pause`` is in seconds.
        """
        self._client = client
        self._stop = stop
        self._on_retry = on_retry
        self._longest_pause = longest_pause

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        """Deliver ``documents``; return the outcomes of those that were not stored, by their places.

        Raises:
            StoppedError: told to stop before all were delivered.
        """
        outcomes: dict[int, Outcome] = {}
        waiting = list(range(len(documents)))
        pause = 0.25
        while waiting:
            attempt = _Attempt()
            for chosen in _portions(documents, waiting):
                self._attempt(documents, chosen, outcomes, attempt)
            if attempt.again:
                self._on_retry(attempt.reason)
                _LOG.warning(
                    "%d documents wait for Elasticsearch: %s; next try in %.1f s",
                    len(attempt.again),
                    attempt.words,
                    pause,
                )
                if self._stop.wait(pause * random.uniform(0.7, 1.3)):
                    raise StoppedError
                pause = min(pause * 2, self._longest_pause)
            waiting = sorted(attempt.again)
        return outcomes

    def _attempt(
        self, documents: Documents, chosen: list[int], outcomes: dict[int, Outcome], attempt: _Attempt
    ) -> None:
        """Send the chosen documents; note their outcomes, and in ``attempt`` what to send again."""
        try:
            items = self._bulk(documents, chosen)
        except ApiError as error:
            if error.status_code == _TOO_LARGE or _is_about_a_document(error):
                self._divide(documents, chosen, outcomes, attempt, error)
            else:
                attempt.leave(chosen, _reason(error.status_code), f"it answered {error.status_code}: {_cause(error)}")
            return
        except TransportError as error:
            attempt.leave(chosen, "unreachable", f"{type(error).__name__}: {error.message}")
            return
        except msgspec.ValidationError as error:
            attempt.leave(chosen, "bad_answer", f"its answer is not one to a bulk request: {error}")
            return
        conflicts: list[int] = []
        for i, item in items:
            result = item.create or item.index
            assert result is not None
            status, error_ = result.status, result.error
            if status < 300 or (status == 409 and item.index is not None):  # this version, or a later one, is there
                continue
            if status == 409:
                conflicts.append(i)
            elif status == 429 or status >= 500 or error_.type == "security_exception":
                attempt.leave([i], _reason(status), f"it answered {status}: {error_.reason or error_.type}")
            else:
                outcomes[i] = Outcome("refused", f"{error_.type}: {error_.reason}")
        if conflicts:
            self._resolve(documents, conflicts, outcomes, attempt)

    def _bulk(self, documents: Documents, chosen: list[int]) -> list[tuple[int, _Item]]:
        """Send the chosen documents; return what was answered to each by its place, nothing when all were stored."""
        body = documents.body(chosen)
        length = str(sum(map(len, body)))  # as pieces do not say how many there will be
        response = self._client.perform_request(
            "POST",
            "/_bulk",
            params={"filter_path": _FILTER},
            headers={"content-type": "application/x-ndjson", "accept": "application/json", "content-length": length},
            body=body,
        )
        answer = msgspec.convert(response.body, _Answer)
        if len(answer.items) != len(chosen):
            raise msgspec.ValidationError(f"{len(answer.items)} items for {len(chosen)} documents")
        if not answer.errors:  # the usual case, for which a hundred thousand items are not worth a look
            return []
        return list(zip(chosen, msgspec.convert(answer.items, list[_Item]), strict=True))

    def _divide(
        self,
        documents: Documents,
        chosen: list[int],
        outcomes: dict[int, Outcome],
        attempt: _Attempt,
        error: ApiError,
    ) -> None:
        """Send in two parts what was refused as a whole; a single document is refused for good."""
        if len(chosen) == 1:
            too_large = error.status_code == _TOO_LARGE
            outcomes[chosen[0]] = Outcome("refused", "larger than the server allows" if too_large else _cause(error))
            return
        middle = len(chosen) // 2
        self._attempt(documents, chosen[:middle], outcomes, attempt)
        self._attempt(documents, chosen[middle:], outcomes, attempt)

    def _resolve(
        self, documents: Documents, conflicts: list[int], outcomes: dict[int, Outcome], attempt: _Attempt
    ) -> None:
        """Tell own earlier deliveries from repeated events; leave what could not be looked up."""
        wanted = [msgspec.to_builtins(address_of(documents[i])) for i in conflicts]
        try:
            found = self._client.mget(docs=wanted, source_includes=["log"])["docs"]
        except (ApiError, TransportError) as error:
            attempt.leave(conflicts, "conflict", f"documents that it holds already cannot be looked up: {error}")
            return
        for i, held in zip(conflicts, found, strict=True):
            if not held.get("found"):
                attempt.leave([i], "conflict", "a document that it holds already cannot be looked up")
                continue
            place = msgspec.convert(held.get("_source", {}).get("log", {}), Origin)
            if place != origin_of(documents[i]):
                outcomes[i] = _DUPLICATE


def _portions(documents: Documents, waiting: list[int]) -> list[list[int]]:
    """Divide what waits into requests of a size that every server takes."""
    if documents.size <= _BODY_BYTES:
        return [waiting]
    portions: list[list[int]] = [[]]
    size = 0
    for i in waiting:
        size += len(documents[i])
        if portions[-1] and size > _BODY_BYTES:
            portions.append([])
            size = len(documents[i])
        portions[-1].append(i)
    return portions


def _is_about_a_document(error: ApiError) -> bool:
    """Tell whether Elasticsearch itself (no proxy before it) finds something wrong with the request's content."""
    return error.status_code == 400 and isinstance(error.body, dict) and "error" in error.body


def _reason(status: int) -> str:
    if status == 429:
        return "throttled"
    if status in (401, 403):
        return "forbidden"
    return "server_error" if status >= 500 else "bad_answer"


def _cause(error: ApiError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    cause = body.get("error")
    return f"{cause.get('type')}: {cause.get('reason')}" if isinstance(cause, dict) else str(error.message)[:200]
