"""Receives lines over HTTP: `POST /v1/events?process=NAME`, answered once they are stored and counted.

A body is appended to the spool of its process and answered with 200 when the exporter has committed what lies behind
it. Whoever got another answer, or none, sends the same again: an event with an ``id`` is counted once.

| status | means |
|---|---|
| 200 | stored, counted and committed |
| 400 | the body is empty, damaged, or no NDJSON; or the process is not named |
| 401 | the bearer token is missing or wrong |
| 404 | no such path, or no process of that name has a log with ``source: http`` |
| 405 | not a POST |
| 408 | the body took too long to come |
| 413 | the body is too large, compressed or not |
| 415 | a Content-Encoding other than gzip and zstd |
| 429 | too much waits to be delivered |
| 503 | stopping, starting, not delivered in time, or the disk refuses |
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from aiwatch.ingest.sources.compressed import ENCODINGS, decompress_all
from aiwatch.ingest.sources.spool import Spool, SpoolClosedError, SpoolFullError

_LOG = logging.getLogger(__name__)
PATH = "/v1/events"
MOST_BODY_BYTES = 16 * 2**20
_MOST_HELD_BYTES = 128 * 2**20  # of bodies in memory, of all requests together
_MOST_DISCARDED_BYTES = 64 * 2**20  # of a body that is refused
_DECOMPRESSED_AT_ONCE = 4  # the rest wait for their turn, so that memory is bounded
_BODY_SECONDS = 30.0
_ANSWER_SECONDS = 30.0
_RETRY_SECONDS = 5
_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 75  # longer than clients keep a connection that they may use again


class _RefusedError(Exception):
    """A request is answered with something else than 200."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def _later(status: int, message: str) -> _RefusedError:
    return _RefusedError(status, message, Retry_After=str(_RETRY_SECONDS))


class EventsServer:
    """Serves ``POST /v1/events`` until closed, from a thread of its own."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        """Listen on ``host`` and ``port`` (0: any free one); without ``token`` everybody may post.

        Raises:
            OSError: the port is taken or not allowed.
        """
        self._token = token
        self._spools: Mapping[str, Spool] | None = None
        self._held = 0
        self._decompressing = asyncio.Semaphore(_DECOMPRESSED_AT_ONCE)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=512)
        app = Starlette(routes=[Route(PATH, self._answer, methods=["POST"])])
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="events", daemon=True
        )
        self._thread.start()

    def show(self, spools: Mapping[str, Spool] | None) -> None:
        """From now on, keep what is posted for a process in its spool; with None, ask everybody to come back."""
        self._spools = spools

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Stop listening; requests under way are answered first, for some seconds at most."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    async def _answer(self, request: Request) -> Response:
        body = _Body(request, self)
        try:
            lines = await self._take(request, body)
        except _RefusedError as refused:
            await body.discard()
            return _json(refused.status, {"error": str(refused)}, refused.headers)
        except ClientDisconnect:
            return _json(400, {"error": "the connection ended before the body did: send it again"}, {})
        finally:
            body.release()
        return _json(200, {"lines": lines}, {})

    async def _take(self, request: Request, body: _Body) -> int:
        """Take a request's lines, wait until they are committed, and return how many they are."""
        self._check_token(request)
        spool = self._spool(request)
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", *ENCODINGS):
            message = f"the Content-Encoding {encoding!r} is unknown: use gzip or zstd, or none"
            raise _RefusedError(415, message, Accept_Encoding="gzip, zstd")
        if spool.full:
            raise _too_much(spool)
        content = await body.read()
        if encoding != "identity":
            async with self._decompressing:
                content = await _decompressed(content, encoding)
            body.hold(len(content))
        _check(content)
        if not content.endswith(b"\n"):
            content += b"\n"
        lines = content.count(b"\n")
        ticket = await asyncio.to_thread(_append, spool, content)
        del content
        body.release()
        await _committed(ticket)
        return lines

    def _check_token(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            message = "send the header `Authorization: Bearer TOKEN` with the exporter's token (--events-token-file)"
            raise _RefusedError(401, message, WWW_Authenticate="Bearer")

    def _spool(self, request: Request) -> Spool:
        spools = self._spools
        if spools is None:
            raise _later(503, "the exporter is starting or stopping: send it again")
        name = request.query_params.get("process")
        if not name:
            raise _RefusedError(400, f"say which process the lines are from: {PATH}?process=NAME")
        if name not in spools:
            message = f"no process {name!r} has a log with `source: http` in the catalogue"
            raise _RefusedError(404, message)
        return spools[name]

    def hold(self, size: int) -> None:
        """Note that ``size`` more bytes of bodies are in memory (or fewer, if negative).

        Raises:
            _RefusedError: they are too many.
        """
        if size > 0 and self._held + size > _MOST_HELD_BYTES:
            raise _later(429, "too many bodies are on their way at once: send it again later")
        self._held += size


class _Body:
    """The body of one request, and how much memory it takes; all in the server's event loop."""

    def __init__(self, request: Request, server: EventsServer) -> None:
        self._request = request
        self._server = server
        self._held = 0
        self._received = 0
        self._ended = False

    async def read(self) -> bytes:
        """Return all of it."""
        stated = self._request.headers.get("content-length", "0")
        if stated.isdigit() and int(stated) > MOST_BODY_BYTES:
            raise _too_large()
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in self._pieces():
                    self._received += len(piece)
                    if self._received > MOST_BODY_BYTES:
                        raise _too_large()
                    self.hold(len(piece))
                    pieces.append(piece)
        except TimeoutError:
            self._ended = True
            message = f"the body did not come within {_BODY_SECONDS:.0f} s"
            raise _RefusedError(408, message, Connection="close") from None
        return b"".join(pieces)

    async def discard(self) -> None:
        """Let the rest of it pass, within bounds: most clients hear no answer before they have sent everything."""
        if self._ended or "expect" in self._request.headers:
            return
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in self._pieces():
                    self._received += len(piece)
                    if self._received > _MOST_DISCARDED_BYTES:
                        return

    async def _pieces(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._ended = not message.get("more_body", False)
            yield message.get("body", b"")

    def hold(self, size: int) -> None:
        """Note that ``size`` more bytes of it are in memory.

        Raises:
            _RefusedError: with those of all others they are too many.
        """
        self._server.hold(size)
        self._held += size

    def release(self) -> None:
        """Note that it is in memory no more."""
        self._server.hold(-self._held)
        self._held = 0


async def _decompressed(body: bytes, encoding: str) -> bytes:
    try:
        content = await asyncio.to_thread(decompress_all, body, ENCODINGS[encoding], MOST_BODY_BYTES)
    except OSError as error:
        message = f"the body is {error.strerror}: send it again, or without Content-Encoding"
        raise _RefusedError(400, message) from None
    if content is None:
        raise _too_large()
    return content


def _check(body: bytes) -> None:
    """Refuse what can hold no event at all; single bad lines become dead letters."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not body.strip():
        raise _RefusedError(400, "the body is empty: send one JSON object per line")
    if start.startswith(b"["):
        raise _RefusedError(400, "the body is a JSON array: send one JSON object per line, without [ ] and commas")


def _append(spool: Spool, body: bytes) -> Future[None]:
    try:
        return spool.append(body)
    except SpoolFullError:
        raise _too_much(spool) from None
    except SpoolClosedError:
        raise _later(503, "the exporter is stopping: send it again") from None
    except OSError as error:
        _LOG.error("an event body was not taken: %s; make room on the disk of the state folder", error)
        raise _later(503, f"the exporter cannot write to its disk ({error.strerror}): send it again") from None


async def _committed(ticket: Future[None]) -> None:
    try:
        await asyncio.wait_for(asyncio.wrap_future(ticket), _ANSWER_SECONDS)
    except TimeoutError:
        message = "kept, but not stored yet, for the exporter is behind: to be sure, send it again (events with an id)"
        raise _later(503, message) from None
    except SpoolClosedError:
        raise _later(503, "the exporter is stopping, it may not be stored: send it again") from None


def _too_large() -> _RefusedError:
    limit = MOST_BODY_BYTES // 2**20
    return _RefusedError(
        413, f"a body has at most {limit} MiB, decompressed: send the lines in several", Connection="close"
    )


def _too_much(spool: Spool) -> _RefusedError:
    return _later(429, f"{spool.waiting} bytes wait to be delivered: send it again later")


def _json(status: int, content: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(content) + "\n", status, headers, media_type="application/json")
