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
    """Sends up to ``connections`` batches at once; one more is kept ready, so that no connection waits for the next.

    Batches that arrive before an older one are held, at most so many that there are twice as many as connections.
    Its threads end with the process: one that waits for a server that does not answer keeps nobody from stopping.
    What it carried was not committed, and will be read again.
    """

    def __init__(self, sink: Sink, connections: int) -> None:
        """Send to ``sink``."""
        self._sink = sink
        self._connections = connections
        self._free = threading.Semaphore(connections)
        self._flying: deque[tuple[Load, Future[Mapping[int, Outcome]]]] = deque()
        self._arrived: set[Future[Mapping[int, Outcome]]] = set()  # behind one that has not

    @property
    def loads(self) -> list[Load]:
        """What is on its way, oldest first."""
        return [load for load, _ in self._flying]

    @property
    def full(self) -> bool:
        """Whether nothing more should be sent before something has been taken."""
        waiting = sum(not future.done() for _, future in self._flying)
        return waiting > self._connections or len(self._flying) >= 2 * self._connections

    def send(self, load: Load, documents: Documents) -> None:
        """Send ``documents``, which belong to ``load``."""
        self._flying.append((load, in_background(partial(self._in_turn, documents))))

    def _in_turn(self, documents: Documents) -> Mapping[int, Outcome]:
        with self._free:
            return self._sink.send(documents)

    def take(self, seconds: float) -> tuple[Load, Mapping[int, Outcome]] | None:
        """Return the oldest load and its outcomes, or None when it takes longer than ``seconds``.

        None is also returned as soon as another one has arrived: something may be sent again.

        Raises:
            Exception: whatever the sink raised, for any load.
        """
        if not self._flying:
            return None
        load, first = self._flying[0]
        if not first.done():
            wait([future for _, future in self._flying if future not in self._arrived], seconds, FIRST_COMPLETED)
        self._arrived = {future for _, future in self._flying if future.done()}
        for future in self._arrived:
            future.result()
        if first not in self._arrived:
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
