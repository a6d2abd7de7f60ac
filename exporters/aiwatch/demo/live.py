"""Play generated events as real time goes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything with a time in epoch seconds."""

    @property
    def time(self) -> float:
        """When it happens."""


E = TypeVar("E", bound=Timed)


def play(events: Iterable[E], write: Callable[[E], None], stop: threading.Event) -> None:
    """Hand each event to `write` when its time has come, until `stop` is set or there are no more.

    Events that are already due are written at once; `stop` ends the wait for the next one immediately.
    """
    for event in events:
        if stop.wait(max(0.0, event.time - time.time())):
            return
        write(event)


def first(events: Iterable[E], count: int | None, kind: type[E]) -> Iterator[E]:
    """Pass on events until `count` of that `kind` have come; None for all.

    >>> list(first([1, 2.5, 3, 4], 2, int))
    [1, 2.5, 3]
    """
    seen = 0
    if count == 0:
        return
    for event in events:
        yield event
        seen += isinstance(event, kind)
        if seen == count:
            return


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or SIGINT sets; the former handlers are put back at the end.

    To be used in the main thread, as Python asks of anything that handles signals.
    """
    stop = threading.Event()

    def handle(_signum: int, _frame: FrameType | None) -> None:
        # In a thread of its own: the main thread may hold the event's lock at this very moment.
        threading.Thread(target=stop.set, daemon=True).start()

    former = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
