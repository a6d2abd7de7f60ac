"""Batches come back in order, and nothing that a sender meets is swallowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from aiwatch.ingest.contracts import Outcome
from aiwatch.ingest.documents import Documents
from aiwatch.ingest.sending import Sending


class Gate:
    """A sink whose deliveries are let through by index name."""

    def __init__(self) -> None:
        self.open: dict[str, threading.Event] = {}
        self.begun: list[str] = []

    def send(self, documents: Documents) -> Mapping[int, Outcome]:
        name = documents[0].decode()
        self.begun.append(name)
        assert self.open[name].wait(10)
        if name == "bad":
            raise ZeroDivisionError("a bug")
        return {}


@pytest.fixture
def sink() -> Gate:
    return Gate()


def send(sending: Sending[str], sink: Gate, name: str) -> None:
    sink.open[name] = threading.Event()
    sending.send(name, Documents.of([name.encode()]))


def test_batches_are_handed_back_in_the_order_in_which_they_were_sent(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    send(sending, sink, "first")
    send(sending, sink, "second")
    assert (sending.full, sending.loads) == (False, ["first", "second"])
    sink.open["second"].set()
    assert sending.take(0.05) is None
    sink.open["first"].set()
    assert sending.take(5) == ("first", {})
    assert sending.take(5) == ("second", {})
    assert sending.take(5) is None


def test_one_more_batch_is_ready_and_sent_as_soon_as_a_connection_is_free(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    for name in ("first", "second", "third"):
        assert not sending.full
        send(sending, sink, name)
    assert sending.full
    while len(sink.begun) < 2:
        time.sleep(0.001)
    time.sleep(0.05)
    assert sorted(sink.begun) == ["first", "second"]
    sink.open["second"].set()
    assert sending.take(5) is None  # in the order in which they were sent
    while len(sink.begun) < 3:
        time.sleep(0.001)
    for name in ("first", "third"):
        sink.open[name].set()


def test_while_the_first_still_waits_others_may_arrive_before_it_and_are_held_within_bounds(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    send(sending, sink, "first")
    for name in ("second", "third", "fourth"):
        assert not sending.full
        send(sending, sink, name)
        sink.open[name].set()
        assert sending.take(5) is None
    assert sending.full
    sink.open["first"].set()
    assert [(sending.take(5) or ("",))[0] for _ in range(4)] == ["first", "second", "third", "fourth"]


def test_an_error_in_a_later_batch_is_raised_while_the_first_still_waits(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    send(sending, sink, "first")
    send(sending, sink, "bad")
    sink.open["bad"].set()
    with pytest.raises(ZeroDivisionError):
        sending.take(5)
    sink.open["first"].set()


def test_waiting_ends_when_its_time_is_over(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 1)
    send(sending, sink, "first")
    started = time.monotonic()
    assert sending.take(0.1) is None
    assert 0.05 < time.monotonic() - started < 2
    sink.open["first"].set()
