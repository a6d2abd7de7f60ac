"""The thread that does what responses have written down."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from aiwatch.catalogue.model import Catalogue
from aiwatch.respond.policy import policies
from aiwatch.respond.responses import Responses
from aiwatch.respond.store import StoreError

_PAUSE_SECONDS = 5.0
_LOG = logging.getLogger("aiwatch.respond")


class Worker(threading.Thread):
    """Works whenever something is pending, and every few seconds.

    Args:
        responses: what there is to do.
        changed: returns the catalogue when it is another one than before.
    """

    def __init__(self, responses: Responses, changed: Callable[[], Catalogue | None]) -> None:
        """Do nothing before `start`."""
        super().__init__(name="responses", daemon=True)  # what a stop cuts off is done again by the next start
        self._responses = responses
        self._changed = changed
        self._stopping = False

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True
        self._responses.pending.set()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping:
            self._responses.pending.clear()
            try:
                if catalogue := self._changed():
                    self._responses.policies = policies(catalogue)
                self._responses.work()
            except StoreError as error:
                _LOG.error("responses wait: %s", error)
            except Exception:
                _LOG.exception("responses wait for a mistake in them")
            self._responses.pending.wait(_PAUSE_SECONDS)
