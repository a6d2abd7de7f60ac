"""Batches on their way to the sink, delivered by threads of their own and handed back in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Generic, TypeVar

from aiwatch.ingest.contracts import Outcome, Sink
from aiwatch.ingest.documents import Documents

Load = TypeVar("Load")
Result = TypeVar("Result")


class Sending(Generic[Load]):
    """Sends up to ``connections`` batches at once.

    Its threads end with the process: one that waits for a server that does not answer keeps nobody from stopping.
    What it carried was not committed, and will be read again.
    """

    def __init__(self, sink: Sink, connections: int) -> None:
        """Send to ``sink``."""
        self._sink = sink
        self._connections = connections
        self._flying: deque[tuple[Load, Future[Mapping[int, Outcome]]]] = deque()

    @property
    def loads(self) -> list[Load]:
        """What is on its way, oldest first."""
        return [load for load, _ in self._flying]

    @property
    def full(self) -> bool:
        """Whether nothing more should be sent before something has been taken."""
        return len(self._flying) >= self._connections

    def send(self, load: Load, documents: Documents) -> None:
        """Send ``documents``, which belong to ``load``."""
        self._flying.append((load, in_background(partial(self._sink.send, documents))))

    def take(self, seconds: float) -> tuple[Load, Mapping[int, Outcome]] | None:
        """Return the oldest load and its outcomes, or None when it takes longer than ``seconds``.

        Raises:
            Exception: whatever the sink raised, for any load.
        """
        if not self._flying:
            return None
        load, first = self._flying[0]
        if not first.done():
            wait([future for _, future in self._flying if not future.done()], seconds, FIRST_COMPLETED)
        for _, future in self._flying:
            if future.done():
                future.result()
        if not first.done():
            return None
        self._flying.popleft()
        return load, first.result()


def in_background(call: Callable[[], Result]) -> Future[Result]:
    """Run ``call`` in a thread that ends with the process at the latest; its result or error is in the future."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="sender", daemon=True).start()
    return future
