"""What `aiwatch demo` calls: each function trains its model, runs it, and prints one line of JSON that sums
it up.

Progress goes to standard error, the summary alone to standard output.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiwatch.demo.chatbot import run as chatbot_run
from aiwatch.demo.chatbot.classifier import train_support_bot
from aiwatch.demo.chatbot.journal import PROCESS as CHATBOT
from aiwatch.demo.chatbot.journal import ChatSummary
from aiwatch.demo.fraud import run as fraud_run
from aiwatch.demo.fraud.faults import Faults
from aiwatch.demo.fraud.journal import PARTNER, FraudSummary
from aiwatch.demo.fraud.journal import PROCESS as FRAUD
from aiwatch.demo.fraud.model import train_fraud_model
from aiwatch.demo.live import stop_on_signals

# Of the past: enough for every panel, little enough for a first look within a minute.
_INTERACTIONS_A_DAY = 800
_PREDICTIONS_A_DAY = 4000
_BROKEN_HOURS = 24  # of the fraud score's feed: windows are hourly, and a whole day is like the days of the baseline
_PARTNER_DAYS = 8  # since when the partner's payments are judged: a week to compare with, and a day


def run_chatbot(
    log: Path, *, rate: float = 5.0, degraded: bool = False, seed: int = 1, count: int | None = None
) -> None:
    """Run the support chatbot until SIGTERM, SIGINT or `count` interactions, then print its `ChatSummary`.

    Args:
        log: file to append the events to.
        rate: interactions a second, above 0.
        degraded: whether customers also ask about a product that the bot was not trained for.
        seed: the source of chance.
        count: interactions to stop after, None for no end.
    """
    with stop_on_signals() as stop:
        _say(f"{CHATBOT}: training")
        classifier = train_support_bot()
        _say(f"{CHATBOT}: writing about {rate:g} interactions a second to {log}")
        summary = chatbot_run.run_live(log, classifier, rate=rate, seed=seed, stop=stop, degraded=degraded, count=count)
    print(json.dumps(asdict(summary)), flush=True)


def run_fraud(
    log: Path,
    *,
    rate: float = 10.0,
    degrading: bool = False,
    moved: bool = False,
    seed: int = 1,
    count: int | None = None,
) -> None:
    """Run the card fraud score until SIGTERM, SIGINT or `count` predictions, then print its `FraudSummary`.

    Args:
        log: file to append the events to.
        rate: payments a second, above 0.
        degrading: whether a feed of features breaks, and later the payments become others.
        moved: whether they are others already, as at the end of the partner's past; instead of `degrading`.
        seed: the source of chance.
        count: predictions to stop after, None for no end.
    """
    with stop_on_signals() as stop:
        _say(f"{log}: training")
        model = train_fraud_model()
        _say(f"{log}: writing about {rate:g} predictions a second")
        faults = Faults.gradually if moved else Faults.after if degrading else None
        summary = fraud_run.run_live(log, model, rate=rate, seed=seed, stop=stop, count=count, faults=faults)
    print(json.dumps(asdict(summary)), flush=True)


def run_history(
    logs: Path, *, days: float = 30, degraded_days: float = 1, seed: int = 1, end: datetime | None = None
) -> None:
    """Write the past of all processes to `<logs>/<process>/history.jsonl`, then print their summaries.

    The line printed holds `start` and `end` (RFC 3339) and under each process's name its summary.

    Args:
        logs: folder of the logs.
        days: length of the past; that of the partner's payments is eight days at most.
        degraded_days: for how long at its end the chatbot is asked about a product that it does not know; unless 0, a
            feed of the fraud score's features has been broken for the last day, too, and within the last two days
            more and more of the partner's payments were made online.
        seed: the source of chance; the same one and the same times give the same files.
        end: aware time where the past ends; the present second by default.

    Raises:
        FileExistsError: if there is a history already, since its events would be written twice.
    """
    paths = {process: logs / process / "history.jsonl" for process in (CHATBOT, FRAUD, PARTNER)}
    for path in paths.values():
        if path.exists():
            raise FileExistsError(f"{path} exists: remove it, or name another folder for the logs")
    end = end or datetime.now(UTC).replace(microsecond=0)
    start = end - timedelta(days=days)
    degraded_from = end - timedelta(days=degraded_days) if degraded_days else None
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        chat = _beside(_chatbot_history, paths[CHATBOT], start, end, degraded_from, seed)
        broken = Faults.before(end.timestamp(), _BROKEN_HOURS) if degraded_days else None
        fraud = _beside(_fraud_history, paths[FRAUD], start, end, seed, broken)
        moved = Faults.gradually(end.timestamp()) if degraded_days else None
        since = max(start, end - timedelta(days=_PARTNER_DAYS))
        partner = _beside(_fraud_history, paths[PARTNER], since, end, seed + 1, moved)
        summaries = {CHATBOT: chat(), FRAUD: fraud(), PARTNER: partner()}
    finally:
        signal.signal(signal.SIGTERM, previous)
    print(json.dumps({"start": start.isoformat(), "end": end.isoformat(), **summaries}), flush=True)


def _beside(work: Callable[..., ChatSummary | FraudSummary], *arguments: object) -> Callable[[], dict[str, Any]]:
    """Start `work` in a process of its own, and return what waits for its summary.

    The process ends with its work, and before it when this one exits.

    Raises (when waited for):
        RuntimeError: the process ended without a summary.
    """
    # A fresh interpreter, not a fork: the numeric libraries run threads, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, work, arguments), daemon=True)
    process.start()
    sender.close()

    def wait() -> dict[str, Any]:
        try:
            summary: dict[str, Any] = receiver.recv()
        except EOFError:
            process.join()
            raise RuntimeError(f"{work.__name__} ended early, with exit code {process.exitcode}") from None
        return summary

    return wait


def _work(sender: Connection, work: Callable[..., ChatSummary | FraudSummary], arguments: Sequence[object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    sender.send(asdict(work(*arguments)))


def _chatbot_history(
    path: Path, start: datetime, end: datetime, degraded_from: datetime | None, seed: int
) -> ChatSummary:
    began = time.monotonic()
    _say(f"{CHATBOT}: training, then writing the past to {path}")
    summary = chatbot_run.write_history(
        path,
        train_support_bot(),
        start=start,
        end=end,
        degraded_from=degraded_from,
        seed=seed,
        per_day=_INTERACTIONS_A_DAY,
    )
    _say(f"{CHATBOT}: {summary.interactions} interactions in {time.monotonic() - began:.1f} s")
    return summary


def _fraud_history(path: Path, start: datetime, end: datetime, seed: int, faults: Faults | None) -> FraudSummary:
    began = time.monotonic()
    _say(f"training, then writing the past to {path}")
    summary = fraud_run.write_history(
        path, train_fraud_model(), start=start, end=end, seed=seed, per_day=_PREDICTIONS_A_DAY, faults=faults
    )
    _say(f"{path}: {summary.predictions} predictions in {time.monotonic() - began:.1f} s")
    return summary


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
