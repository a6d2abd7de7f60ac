from __future__ import annotations

import threading

import pytest
from elastic_transport import ConnectionError as NoConnectionError

from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.group.patience import UnwrittenError, wait_for


def test_it_is_tried_until_it_is_taken() -> None:
    failures = [NoConnectionError("refused"), UnwrittenError("it answered 429")]
    told: list[str] = []

    def write() -> str:
        if failures:
            raise failures.pop()
        return "written"

    assert wait_for(write, "the state", threading.Event(), told.append) == "written"
    assert told == ["commit", "commit"]


def test_it_gives_up_when_told_to_stop() -> None:
    stop = threading.Event()

    def write() -> None:
        stop.set()
        raise UnwrittenError("it answered 503")

    with pytest.raises(StoppedError):
        wait_for(write, "the state", stop, lambda reason: None)


def test_what_is_no_matter_of_elasticsearch_is_not_tried_again() -> None:
    def write() -> None:
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        wait_for(write, "the state", threading.Event(), lambda reason: None)
