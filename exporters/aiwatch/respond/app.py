"""The responder's addresses, as a Starlette application.

Only the webhook asks for a token. The pages show alert texts to whoever can reach them: keep the service on
loopback, or put a proxy that knows its users in front.
"""

from __future__ import annotations

import hmac
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
from aiwatch.respond.metrics import Metrics
from aiwatch.respond.page import STYLE, View, format_cursor, render
from aiwatch.respond.payload import PayloadError, Status, parse
from aiwatch.respond.runbook_page import render_index, render_runbook
from aiwatch.respond.store import Cursor, Filter, Page, Store, StoreError

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_LIMIT = 500
PAGE_FIRING = 200  # firing alerts on the HTML page before it says "older"
PAGE_RESOLVED = 50
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_logger = logging.getLogger("aiwatch.respond")


class _BadRequest(ValueError):
    """A parameter of the address is wrong; the message names it."""


class _TooLarge(Exception):
    """The body is longer than MAX_BODY_BYTES."""


def _utc_now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def create_app(store: Store, token: str, now: Callable[[], datetime] = _utc_now) -> Starlette:
    """Return the application.

    Args:
        store: where notifications are kept.
        token: what Alertmanager must present as ``Authorization: Bearer``.
        now: the clock, in UTC and whole milliseconds.
    """
    handlers = _Handlers(store, token, now)
    return Starlette(
        routes=[
            Route("/", handlers.page),
            Route("/api/v1/inbox", handlers.inbox),
            Route("/api/v1/notifications", handlers.receive, methods=["POST"]),
            Route("/runbooks/", handlers.runbooks),
            Route("/runbooks/{alert}", handlers.runbook),
            Route("/healthz", handlers.health),
            Route("/metrics", handlers.metrics),
        ]
    )


class _Handlers:
    """The requests' handlers, around one store."""

    def __init__(self, store: Store, token: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._credentials = token.encode()
        self._now = now
        self._metrics = Metrics()

    async def receive(self, request: Request) -> Response:
        """Store a notification. Alertmanager tries again after a 5xx, and only then."""
        if not self._is_authorized(request):
            return self._refuse(
                401, reasons.UNAUTHORIZED, "the token is missing or wrong: Authorization: Bearer <token>"
            )
        try:
            notification = parse(await _body(request))
        except _TooLarge:
            return self._refuse(413, reasons.TOO_LARGE, f"the body is longer than {MAX_BODY_BYTES} bytes")
        except PayloadError as error:
            return self._refuse(400, reasons.MALFORMED, str(error))
        try:
            await run_in_threadpool(self._store.put, notification, self._now())
        except StoreError as error:
            return self._refuse(503, reasons.STORE, str(error))
        self._metrics.received(notification)
        if notification.truncated_alerts > 0:
            _logger.warning(
                "Alertmanager left %d alerts out of group %s: raise max_alerts of its webhook receiver",
                notification.truncated_alerts,
                notification.group_key,
            )
        return _json({"alerts": len(notification.alerts)})

    async def inbox(self, request: Request) -> Response:
        """Answer the current entries, newest first, as JSON."""
        try:
            wanted = _filter(request.query_params)
        except _BadRequest as error:
            return _json({"error": str(error)}, 400)
        try:
            page = await run_in_threadpool(self._store.find, wanted)
        except StoreError as error:
            return self._unavailable(error)
        return _json({"entries": page.entries, "next": page.next and format_cursor(page.next)})

    async def page(self, request: Request) -> Response:
        """Answer the inbox as HTML, what is firing first."""
        try:
            wanted = _filter(request.query_params)
        except _BadRequest as error:
            return PlainTextResponse(f"{error}\n", 400, _HEADERS)
        statuses: tuple[Status, ...] = ("firing", "resolved") if wanted.status is None else (wanted.status,)
        sections: dict[Status, Page] = {}
        try:
            for status in statuses:
                limit = PAGE_FIRING if status == "firing" else PAGE_RESOLVED
                some = msgspec.structs.replace(wanted, status=status, limit=min(limit, wanted.limit))
                sections[status] = await run_in_threadpool(self._store.find, some)
        except StoreError as error:
            _logger.error("the inbox cannot be read: %s", error)
            return PlainTextResponse(f"The inbox cannot be read now: {error}\n", 503, _HEADERS)
        view = View(sections=sections, process=wanted.process, status=wanted.status, before=wanted.before)
        return HTMLResponse(render(view, self._now()), headers=_HEADERS)

    async def runbooks(self, request: Request) -> Response:
        """Answer the list of runbooks."""
        return HTMLResponse(render_index(STYLE), headers=_HEADERS)

    async def runbook(self, request: Request) -> Response:
        """Answer the runbook of one alert."""
        alert = request.path_params["alert"]
        page = render_runbook(alert, STYLE)
        if page is None:
            return PlainTextResponse(f"There is no runbook for {alert}; see /runbooks/\n", 404, _HEADERS)
        return HTMLResponse(page, headers=_HEADERS)

    async def health(self, request: Request) -> Response:
        """Answer 200 when the store can be read, else 503."""
        try:
            await run_in_threadpool(self._store.check)
        except StoreError as error:
            return self._unavailable(error)
        return _json({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Answer the responder's own metrics, in the format that the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._metrics.registry), headers={"Content-Type": content_type})

    def _is_authorized(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._credentials)

    def _refuse(self, status: int, reason: str, message: str) -> Response:
        self._metrics.failed(reason)
        _logger.error("a notification was not stored (%s): %s", reason, message)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return _json({"error": message}, status, headers)

    def _unavailable(self, error: StoreError) -> Response:
        _logger.error("the store cannot be read: %s", error)
        return _json({"error": str(error)}, 503)


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _TooLarge
    return bytes(body)


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


def _json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, {**_HEADERS, **(headers or {})}, "application/json")
