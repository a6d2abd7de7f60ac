"""The responder's addresses about models: their pages, the gate, and resuming."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from aiwatch.hints import did_you_mean
from aiwatch.respond.answers import HEADERS, TooLargeError, is_authorized, json_answer, read_body
from aiwatch.respond.gate import gate
from aiwatch.respond.model_page import render_model, render_models
from aiwatch.respond.responses import NotUnderReviewError, Responses
from aiwatch.respond.store import StoreError

_LOG = logging.getLogger("aiwatch.respond")
_Said = Annotated[str, msgspec.Meta(max_length=2000)]


class Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says who resumes a model; with ``release``, what this review quarantined may be learned from."""

    by: _Said
    reason: _Said
    release: bool = False


def routes(responses: Responses, token: str, now: Callable[[], datetime]) -> list[Route]:
    """Return the routes.

    Args:
        responses: whose states are shown.
        token: what one must present to resume.
        now: the clock, in UTC.
    """
    handlers = _Handlers(responses, token, now)
    return [
        Route("/models/", handlers.models),
        Route("/models/{process}", handlers.model),
        Route("/api/v1/gate/{process}", handlers.gate),
        Route("/api/v1/models/{process}/resume", handlers.resume, methods=["POST"]),
    ]


class _Handlers:
    def __init__(self, responses: Responses, token: str, now: Callable[[], datetime]) -> None:
        self._responses = responses
        self._token = token
        self._now = now

    async def models(self, request: Request) -> Response:
        """Answer the list of models, those under review first."""
        try:
            await run_in_threadpool(self._responses.journal.refresh, self._responses.policies)
        except StoreError as error:
            return self._unavailable_page(error)
        page = render_models(self._responses.policies, self._responses.journal.reviews, self._now())
        return HTMLResponse(page, headers=HEADERS)

    async def model(self, request: Request) -> Response:
        """Answer the page of one model: its state, what was done, and how to resume it."""
        process = request.path_params["process"]
        policy = self._responses.policies.get(process)
        if policy is None:
            return PlainTextResponse(f"{self._unknown(process)}\n", 404, HEADERS)
        journal = self._responses.journal
        try:
            await run_in_threadpool(journal.refresh, [process])
        except StoreError as error:
            return self._unavailable_page(error)
        page = render_model(policy, journal.reviews[process], journal.entries(process), self._now())
        return HTMLResponse(page, headers=HEADERS)

    async def gate(self, request: Request) -> Response:
        """Answer whether retraining may run."""
        process = request.path_params["process"]
        policy = self._responses.policies.get(process)
        if policy is None:
            return json_answer({"error": self._unknown(process)}, 404)
        try:
            await run_in_threadpool(self._responses.journal.refresh, [process])
        except StoreError as error:
            return self._unavailable(error)
        return json_answer(gate(self._responses.journal.reviews[process], policy.url))

    async def resume(self, request: Request) -> Response:
        """Write down that a person ended the review; the answer is the gate's."""
        process = request.path_params["process"]
        if not is_authorized(request, self._token):
            error = "the token is missing or wrong: Authorization: Bearer <token>"
            return json_answer({"error": error}, 401, {"WWW-Authenticate": "Bearer"})
        policy = self._responses.policies.get(process)
        if policy is None:
            return json_answer({"error": self._unknown(process)}, 404)
        try:
            said = msgspec.json.decode(await read_body(request), type=Resume)
            by, reason = said.by.strip(), said.reason.strip()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooLargeError) as error:
            return json_answer({"error": f"who resumes, and why? {error}"}, 400)
        if not by or not reason:
            return json_answer({"error": f"who resumes, and why? {'by' if not by else 'reason'} is empty"}, 400)
        try:
            await run_in_threadpool(self._responses.resume, process, by, reason, said.release)
        except NotUnderReviewError as error:
            return json_answer({"error": str(error)}, 409)
        except StoreError as error:
            return self._unavailable(error)
        return json_answer(gate(self._responses.journal.reviews[process], policy.url))

    def _unknown(self, process: str) -> str:
        hint = did_you_mean(process, self._responses.policies)
        return f"the catalogue has no model called {process!r}" + (f"; {hint}" if hint else "")

    def _unavailable(self, error: StoreError) -> Response:
        _LOG.error("a trail cannot be read or written: %s", error)
        return json_answer({"error": str(error)}, 503)

    def _unavailable_page(self, error: StoreError) -> Response:
        _LOG.error("a trail cannot be read: %s", error)
        return PlainTextResponse(f"The models cannot be read now: {error}\n", 503, HEADERS)
