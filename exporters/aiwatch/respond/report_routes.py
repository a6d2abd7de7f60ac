"""The responder's address of reports: why a model drifts, as one page."""

from __future__ import annotations

import logging
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from aiwatch.profiles.result import Result
from aiwatch.report import render_report
from aiwatch.respond.answers import HEADERS
from aiwatch.respond.store import StoreError

_LOG = logging.getLogger("aiwatch.respond")


class Reports(Protocol):
    """Finds results by their ids; raises StoreError when it cannot."""

    def find(self, report: str) -> Result | None:
        """Return the result of that id; None when there is none."""


def routes(reports: Reports) -> list[Route]:
    """Return the routes."""

    async def report(request: Request) -> Response:
        """Answer the report of a result."""
        id_ = request.path_params["report"]
        try:
            result = await run_in_threadpool(reports.find, id_)
        except StoreError as error:
            _LOG.error("a report cannot be read: %s", error)
            return PlainTextResponse(f"The report cannot be read now: {error}\n", 503, HEADERS)
        if result is None:
            return PlainTextResponse(f"There is no report {id_}\n", 404, HEADERS)
        return HTMLResponse(await run_in_threadpool(render_report, result), headers=HEADERS)

    return [Route("/reports/{report}", report)]
