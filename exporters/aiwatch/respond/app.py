"""The responder's addresses, as a Starlette application.

Only what changes something asks for a token: the webhook, and resuming. The pages show alert texts to whoever can
reach them: keep the service on loopback, or put a proxy that knows its users in front.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from aiwatch.respond import metrics as reasons
from aiwatch.respond import model_routes, report_routes
from aiwatch.respond.answers import HEADERS, MAX_BODY_BYTES, TooLargeError, is_authorized, json_answer, read_body
from aiwatch.respond.metrics import Metrics
from aiwatch.respond.page import STYLE, View, format_cursor, render
from aiwatch.respond.payload import PayloadError, Status, parse
from aiwatch.respond.report_routes import Reports
from aiwatch.respond.responses import Responses, utc_now
from aiwatch.respond.runbook_page import render_index, render_runbook
from aiwatch.respond.store import Cursor, Filter, Page, Store, StoreError

MAX_LIMIT = 500
PAGE_FIRING = 200  # firing alerts on the HTML page before it says "older"
PAGE_RESOLVED = 50

_logger = logging.getLogger("aiwatch.respond")


class _BadRequest(ValueError):
    """A parameter of the address is wrong; the message names it."""


def create_app(
    store: Store, responses: Responses, reports: Reports, token: str, now: Callable[[], datetime] = utc_now
) -> Starlette:
    """Return the application.

    Args:
        store: where notifications are kept.
        responses: what they set off.
        reports: why models drift.
        token: what Alertmanager, and whoever resumes, must present as ``Authorization: Bearer``.
        now: the clock, in UTC and whole milliseconds.
    """
    handlers = _Handlers(store, responses, token, now)
    return Starlette(
        routes=[
            Route("/", handlers.page),
            Route("/api/v1/inbox", handlers.inbox),
            Route("/api/v1/notifications", handlers.receive, methods=["POST"]),
            Route("/runbooks/", handlers.runbooks),
            Route("/runbooks/{alert}", handlers.runbook),
            Route("/healthz", handlers.health),
            Route("/metrics", handlers.metrics),
            *model_routes.routes(responses, token, now),
            *report_routes.routes(reports),
        ]
    )


class _Handlers:
    """The requests' handlers, around one store."""

    def __init__(self, store: Store, responses: Responses, token: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._responses = responses
        self._token = token
        self._now = now
        self._metrics = Metrics(responses)

    async def receive(self, request: Request) -> Response:
        """Store a notification and what it sets off. Alertmanager tries again after a 5xx, and only then."""
        if not is_authorized(request, self._token):
            return self._refuse(
                401, reasons.UNAUTHORIZED, "the token is missing or wrong: Authorization: Bearer <token>"
            )
        try:
            notification = parse(await read_body(request))
        except TooLargeError:
            return self._refuse(413, reasons.TOO_LARGE, f"the body is longer than {MAX_BODY_BYTES} bytes")
        except PayloadError as error:
            return self._refuse(400, reasons.MALFORMED, str(error))
        try:
            await run_in_threadpool(self._store.put, notification, self._now())
            await run_in_threadpool(self._responses.notice, notification.alerts)
        except StoreError as error:
            return self._refuse(503, reasons.STORE, str(error))
        self._metrics.received(notification)
        if notification.truncated_alerts > 0:
            _logger.warning(
                "Alertmanager left %d alerts out of group %s: raise max_alerts of its webhook receiver",
                notification.truncated_alerts,
                notification.group_key,
            )
        return json_answer({"alerts": len(notification.alerts)})

    async def inbox(self, request: Request) -> Response:
        """Answer the current entries, newest first, as JSON."""
        try:
            wanted = _filter(request.query_params)
        except _BadRequest as error:
            return json_answer({"error": str(error)}, 400)
        try:
            page = await run_in_threadpool(self._store.find, wanted)
        except StoreError as error:
            return self._unavailable(error)
        return json_answer({"entries": page.entries, "next": page.next and format_cursor(page.next)})

    async def page(self, request: Request) -> Response:
        """Answer the inbox as HTML, what is firing first."""
        try:
            wanted = _filter(request.query_params)
        except _BadRequest as error:
            return PlainTextResponse(f"{error}\n", 400, HEADERS)
        statuses: tuple[Status, ...] = ("firing", "resolved") if wanted.status is None else (wanted.status,)
        sections: dict[Status, Page] = {}
        try:
            for status in statuses:
                limit = PAGE_FIRING if status == "firing" else PAGE_RESOLVED
                some = msgspec.structs.replace(wanted, status=status, limit=min(limit, wanted.limit))
                sections[status] = await run_in_threadpool(self._store.find, some)
        except StoreError as error:
            _logger.error("the inbox cannot be read: %s", error)
            return PlainTextResponse(f"The inbox cannot be read now: {error}\n", 503, HEADERS)
        view = View(sections=sections, process=wanted.process, status=wanted.status, before=wanted.before)
        return HTMLResponse(render(view, self._now()), headers=HEADERS)

    async def runbooks(self, request: Request) -> Response:
        """Answer the list of runbooks."""
        return HTMLResponse(render_index(STYLE), headers=HEADERS)

    async def runbook(self, request: Request) -> Response:
        """Answer the runbook of one alert."""
        alert = request.path_params["alert"]
        page = render_runbook(alert, STYLE)
        if page is None:
            return PlainTextResponse(f"There is no runbook for {alert}; see /runbooks/\n", 404, HEADERS)
        return HTMLResponse(page, headers=HEADERS)

    async def health(self, request: Request) -> Response:
        """Answer 200 when the store can be read, else 503."""
        try:
            await run_in_threadpool(self._store.check)
        except StoreError as error:
            return self._unavailable(error)
        return json_answer({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Answer the responder's own metrics, in the format that the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._metrics.registry), headers={"Content-Type": content_type})

    def _refuse(self, status: int, reason: str, message: str) -> Response:
        self._metrics.failed(reason)
        _logger.error("a notification was not stored (%s): %s", reason, message)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return json_answer({"error": message}, status, headers)

    def _unavailable(self, error: StoreError) -> Response:
        _logger.error("the store cannot be read: %s", error)
        return json_answer({"error": str(error)}, 503)


def _filter(parameters: Mapping[str, str]) -> Filter:
    """Return the filter in an address.

    Raises:
        _BadRequest: an unknown parameter, or a value that it cannot have.
    """
    unknown = sorted(set(parameters) - {"process", "status", "limit", "before"})
    if unknown:
        raise _BadRequest(f"{unknown[0]}: no such parameter; there are process, status, limit and before")
    wanted = Filter(process=parameters.get("process") or None)
    match parameters.get("status") or None:
        case None:
            pass
        case "firing" | "resolved" as status:
            wanted = msgspec.structs.replace(wanted, status=status)
        case other:
            raise _BadRequest(f"status: {other!r} is neither 'firing' nor 'resolved'")
    if "limit" in parameters:
        text = parameters["limit"]
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
            raise _BadRequest(f"limit: {text!r} is no number from 1 to {MAX_LIMIT}")
        wanted = msgspec.structs.replace(wanted, limit=int(text))
    if parameters.get("before"):
        wanted = msgspec.structs.replace(wanted, before=_cursor(parameters["before"]))
    return wanted


def _cursor(text: str) -> Cursor:
    time, _, entry = text.partition(",")
    try:
        timestamp = datetime.fromisoformat(time)
        if timestamp.tzinfo is None:
            raise ValueError("no offset")
        timestamp = timestamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _BadRequest(
            f"before: {text!r} is neither a time (2026-01-02T03:04:05Z) nor the `next` of a page"
        ) from None
    return Cursor(timestamp, entry)
