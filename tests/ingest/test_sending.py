"""Batches come back in order, and nothing that a sender meets is swallowed."""

from __future__ import annotations

import threading
import time

import pytest

from aiwatch.ingest.contracts import Document, Outcome
from aiwatch.ingest.sending import Sending


class Gate:
    """A sink whose deliveries are let through by index name."""

    def __init__(self) -> None:
        self.open: dict[str, threading.Event] = {}
        self.outcome: list[Outcome] = [Outcome("stored")]

    def send(self, documents: list[Document]) -> list[Outcome]:
        name = documents[0].index
        assert self.open[name].wait(10)
        if name == "bad":
            raise ZeroDivisionError("a bug")
        return self.outcome


@pytest.fixture
def sink() -> Gate:
    return Gate()


def send(sending: Sending[str], sink: Gate, name: str) -> None:
    sink.open[name] = threading.Event()
    sending.send(name, [Document(name, "1", b"{}", "s:0")])


def test_batches_are_handed_back_in_the_order_in_which_they_were_sent(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    send(sending, sink, "first")
    assert not sending.full
    send(sending, sink, "second")
    assert (sending.full, sending.loads) == (True, ["first", "second"])
    sink.open["second"].set()
    assert sending.take(0.05) is None
    sink.open["first"].set()
    assert sending.take(5) == ("first", [Outcome("stored")])
    assert sending.take(5) == ("second", [Outcome("stored")])
    assert sending.take(5) is None


def test_an_error_in_a_later_batch_is_raised_while_the_first_still_waits(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 2)
    send(sending, sink, "first")
    send(sending, sink, "bad")
    sink.open["bad"].set()
    with pytest.raises(ZeroDivisionError):
        sending.take(5)
    sink.open["first"].set()


def test_a_sink_that_returns_too_few_outcomes_is_an_error(sink: Gate) -> None:
    sink.outcome = []
    sending: Sending[str] = Sending(sink, 1)
    send(sending, sink, "first")
    sink.open["first"].set()
    with pytest.raises(RuntimeError, match="0 outcomes for 1 documents"):
        sending.take(5)


def test_waiting_ends_when_its_time_is_over(sink: Gate) -> None:
    sending: Sending[str] = Sending(sink, 1)
    send(sending, sink, "first")
    started = time.monotonic()
    assert sending.take(0.1) is None
    assert 0.05 < time.monotonic() - started < 2
    sink.open["first"].set()
