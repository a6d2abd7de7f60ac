"""Run the card fraud score: a past of days in seconds, or live as real time goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from aiwatch.demo.fraud.cards import CARD_PAYMENTS
from aiwatch.demo.fraud.events import events
from aiwatch.demo.fraud.faults import Faults
from aiwatch.demo.fraud.journal import FraudJournal, FraudSummary
from aiwatch.demo.fraud.model import FraudModel
from aiwatch.demo.fraud.records import Prediction
from aiwatch.demo.live import first, play
from aiwatch.demo.rhythm import DAY

_LIVE_BATCH = 16


def write_history(
    path: str | os.PathLike[str],
    model: FraudModel,
    *,
    start: datetime,
    end: datetime,
    seed: int = 1,
    per_day: float = 4000.0,
    faults: Faults | None = None,
) -> FraudSummary:
    """Append the predictions of `[start, end)` to `path`, each with its own time.

    Args:
        path: the log file.
        model: what scores the payments.
        start: aware time of the beginning.
        end: aware time of the end, excluded.
        seed: the source of chance.
        per_day: payments a day on the week's average.
        faults: what goes wrong, None for nothing.
    """
    journal = FraudJournal(path)
    for prediction in events(start, end, seed, model, per_day=per_day, faults=faults):
        journal.write(prediction)
    return journal.summary()


def run_live(
    path: str | os.PathLike[str],
    model: FraudModel,
    *,
    rate: float,
    seed: int,
    stop: threading.Event,
    count: int | None = None,
    faults: Callable[[float], Faults] | None = None,
) -> FraudSummary:
    """Write predictions as they happen, until `stop` is set or `count` are written.

    Args:
        path: the log file, appended to.
        model: what scores the payments.
        rate: payments a second at the hour of the start; it then follows the week's rhythm.
        seed: the source of chance.
        stop: ends the run at once.
        count: predictions to stop after, None for no end.
        faults: the start (epoch seconds) -> what goes wrong, None for nothing.
    """
    start = datetime.now(UTC)
    per_day = rate * DAY / CARD_PAYMENTS.rate(start.timestamp())
    wrong = faults(start.timestamp()) if faults else None
    happenings = events(start, None, seed, model, per_day=per_day, batch=_LIVE_BATCH, faults=wrong)
    journal = FraudJournal(path)
    play(first(happenings, count, Prediction), journal.write, stop)
    return journal.summary()
