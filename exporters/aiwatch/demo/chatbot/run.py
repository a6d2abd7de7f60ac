"""Run the support chatbot: a past of days in seconds, or live as real time goes."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

from aiwatch.demo.chatbot.classifier import IntentClassifier
from aiwatch.demo.chatbot.events import SUPPORT_DESK, events
from aiwatch.demo.chatbot.journal import ChatJournal, ChatSummary
from aiwatch.demo.chatbot.records import Interaction, Record
from aiwatch.demo.live import first, play
from aiwatch.demo.rhythm import DAY

_LIVE_PACE = 20.0
_LIVE_BATCH = 16


def write_history(
    path: str | os.PathLike[str],
    classifier: IntentClassifier,
    *,
    start: datetime,
    end: datetime,
    degraded_from: datetime | None = None,
    seed: int = 1,
    per_day: float = 1500.0,
) -> ChatSummary:
    """Append the interactions and the feedback of `[start, end)` to `path`, each with its own time.

    Args:
        path: the log file.
        classifier: what the bot understands with.
        start: aware time of the beginning.
        end: aware time of the end, excluded.
        degraded_from: from when on customers also ask about the product that the bot does not know.
        seed: the source of chance.
        per_day: interactions a day on the week's average.
    """
    journal = ChatJournal(path)
    for record in events(start, end, seed, classifier, per_day=per_day, degraded_from=degraded_from):
        journal.write(record)
    return journal.summary()


def run_live(
    path: str | os.PathLike[str],
    classifier: IntentClassifier,
    *,
    rate: float,
    seed: int,
    stop: threading.Event,
    degraded: bool = False,
    count: int | None = None,
) -> ChatSummary:
    """Write events as they happen, until `stop` is set or `count` interactions are written.

    The customers are hastier than real ones (20 times), so that sessions and feedback show within minutes.

    Args:
        path: the log file, appended to.
        classifier: what the bot understands with.
        rate: interactions a second at the hour of the start; it then follows the desk's rhythm.
        seed: the source of chance.
        stop: ends the run at once.
        degraded: whether customers also ask about the product that the bot does not know.
        count: interactions to stop after, None for no end; feedback that would come later is left out.
    """
    start = datetime.now(UTC)
    happenings = events(
        start,
        None,
        seed,
        classifier,
        per_day=rate * DAY / SUPPORT_DESK.rate(start.timestamp()),
        degraded_from=start if degraded else None,
        pace=_LIVE_PACE,
        batch=_LIVE_BATCH,
    )
    journal = ChatJournal(path)
    counted: type[Record] = Interaction
    play(first(happenings, count, counted), journal.write, stop)
    return journal.summary()
