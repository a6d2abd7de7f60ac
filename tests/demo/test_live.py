from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

import pytest

from aiwatch.demo.live import first, play, stop_on_signals


@dataclass(frozen=True)
class Tick:
    time: float


@dataclass(frozen=True)
class Tock:
    time: float


def test_events_are_written_when_their_time_has_come() -> None:
    start = time.time()
    written: list[tuple[float, float]] = []
    play(
        [Tick(start - 5), Tick(start + 0.1), Tick(start + 0.2)],
        lambda tick: written.append((tick.time, time.time())),
        threading.Event(),
    )
    assert [at for at, _ in written] == [start - 5, start + 0.1, start + 0.2]
    assert written[0][1] - start < 0.1
    assert all(-0.01 <= now - at < 1 for at, now in written[1:])


def test_stopping_ends_the_wait_at_once() -> None:
    stop = threading.Event()
    written: list[Tick] = []
    thread = threading.Thread(target=play, args=([Tick(time.time() + 3600)], written.append, stop), daemon=True)
    thread.start()
    stop.set()
    thread.join(2)
    assert not thread.is_alive()
    assert written == []


def test_only_the_kind_asked_for_is_counted() -> None:
    events: list[Tick | Tock] = [Tock(1), Tick(2), Tock(3), Tick(4), Tick(5)]
    assert list(first(events, 2, Tick)) == events[:4]
    assert list(first(events, None, Tick)) == events
    assert list(first(events, 0, Tick)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_the_former_handler_comes_back(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    with stop_on_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(2)
    assert signal.getsignal(number) is former
