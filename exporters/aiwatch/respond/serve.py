"""Run the responder until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from aiwatch.respond.app import create_app
from aiwatch.respond.report_routes import Reports
from aiwatch.respond.responses import Responses
from aiwatch.respond.store import Store

_GRACE_SECONDS = 5
_logger = logging.getLogger("aiwatch.respond")


class ServeError(Exception):
    """The responder cannot start; the message says what to change."""


def serve(host: str, port: int, token_file: Path, store: Store, responses: Responses, reports: Reports) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way and return.

    Args:
        host: address to listen on; keep it on loopback, for the pages ask nobody who they are.
        port: port to listen on; 0 takes a free one, which is logged.
        token_file: file that holds the token that Alertmanager, and whoever resumes, presents, and nothing else.
        store: where notifications are kept.
        responses: what they set off.
        reports: why models drift.

    Raises:
        ServeError: the token file cannot be used, or the address cannot be listened on.
    """
    app = create_app(store, responses, reports, read_token(token_file))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS
    )
    with closing(_listen(host, port)) as listener, _ignoring_second_signals():
        address, bound = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        _logger.info("the inbox is at http://%s:%d/", shown, bound)
        uvicorn.Server(config).run(sockets=[listener])
    _logger.info("stopped")


def read_token(path: Path) -> str:
    """Return the token in the file ``path``, without the white space around it.

    Raises:
        ServeError: the file cannot be read, or holds no token.
    """
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServeError(f"{path}: the token cannot be read: {error}") from error
    if not token or token.split() != [token]:
        raise ServeError(f"{path}: expected one token and nothing else")
    return token


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise ServeError(f"cannot listen on {host}:{port}: {error}; choose another address or port") from error


@contextmanager
def _ignoring_second_signals() -> Iterator[None]:
    """Keep the process alive when uvicorn, having stopped at a signal, raises that signal once more."""

    def ignore(number: int, frame: FrameType | None) -> None:
        return None

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
