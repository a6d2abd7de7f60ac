"""A sink that serves several pipelines, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from aiwatch.ingest.contracts import Outcome, Sink
from aiwatch.ingest.documents import Documents


class SharedSink:
    """Lets one pipeline at a time send: for sinks that cannot take more."""

    def __init__(self, sink: Sink) -> None:
        """Send to ``sink``."""
        self._sink = sink
        self._lock = threading.Lock()

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        """Deliver ``documents`` once nobody else does; return the outcomes of those that were not stored.

        Raises:
            StoppedError: told to stop before all were delivered.
        """
        with self._lock:
            return self._sink.send(documents)
