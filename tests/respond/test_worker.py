"""The thread that does what is pending: at once, again and again, and by the catalogue of the day."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.store import StoreError
from aiwatch.respond.worker import Worker
from tests.respond.rig import PROCESS, Rig, drift_alert


def until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_what_is_noticed_is_done_at_once_and_a_stopped_worker_ends() -> None:
    rig = Rig()
    worker = Worker(rig.responses, lambda: None)
    worker.start()
    until(lambda: PROCESS in rig.responses.journal.reviews)
    rig.responses.notice([drift_alert()])
    until(lambda: rig.adapters["switch"].on)
    worker.stop()
    worker.join(2)
    assert not worker.is_alive()


@pytest.mark.parametrize("error", [StoreError("away"), ZeroDivisionError()])
def test_an_error_ends_no_worker(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    class Failing(MemoryTrail):
        failures = 2

        def read(self, after: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise error
            return super().read(after)

    monkeypatch.setattr("aiwatch.respond.worker._PAUSE_SECONDS", 0.01)
    rig = Rig(trail=Failing())
    worker = Worker(rig.responses, lambda: None)
    worker.start()
    until(lambda: PROCESS in rig.responses.journal.reviews)
    worker.stop()
    worker.join(2)


def test_a_catalogue_that_changes_is_followed() -> None:
    data = {"name": "churn", "title": "Churn", "kind": "classifier", "business_unit": "crm", "owner": "a@example.com"}
    rig = Rig()
    worker = Worker(rig.responses, lambda: Catalogue(Framework(), (build_process(data),)))
    worker.start()
    until(lambda: "churn" in rig.responses.journal.reviews)
    worker.stop()
    worker.join(2)
