"""Trying again until Elasticsearch has taken something: nothing is dropped because it cannot be written now."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TypeVar

from elastic_transport import TransportError
from elasticsearch import ApiError

from aiwatch.ingest.contracts import StoppedError

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE = 10.0  # seconds
Result = TypeVar("Result")


class UnwrittenError(Exception):
    """Elasticsearch answered, but has not taken everything."""


def wait_for(write: Callable[[], Result], what: str, stop: threading.Event, on_retry: Callable[[str], None]) -> Result:
    """Call ``write`` until it returns, with growing pauses, whatever Elasticsearch answers; return its result.

    ``what`` is being written, for the log.

    Raises:
        StoppedError: ``stop`` was set before that.

    >>> wait_for(lambda: 1, "the state", threading.Event(), print)
    1
    """
    pause = 0.25
    while True:
        try:
            return write()
        except (ApiError, TransportError, UnwrittenError) as error:
            on_retry("commit")
            _LOG.warning("%s waits for Elasticsearch: %s; next try in %.1f s", what, error, pause)
        if stop.wait(pause * random.uniform(0.7, 1.3)):
            raise StoppedError
        pause = min(pause * 2, _LONGEST_PAUSE)
