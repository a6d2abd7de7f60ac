"""The chatbot's log and what was written to it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from aiwatch.demo.chatbot.records import Interaction, Record
from aiwatch.instrument import ChatLog

PROCESS = "support-chatbot"
"""The process's name in the catalogue."""

MODEL = "support-intents"
"""The name that the bot's model bears in the log."""

MODEL_VERSION = "1.0.0"
"""The version of the bot's model in the log."""


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """What was written: lines by type, and what a store that read them must show.

    `confidences` is the number of interactions that have a confidence, `confidence_sum` the sum over them,
    and `dropped` the number of events that could not be written.
    """

    interactions: int
    feedback: int
    by_intent: dict[str, int]
    by_outcome: dict[str, int]
    by_rating: dict[str, int]
    confidences: int
    confidence_sum: float
    mean_confidence: float | None
    dropped: int


class ChatJournal:
    """Writes records through `aiwatch.instrument` and keeps count.

    Args:
        path: the log file, appended to.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; it is created by the first record."""
        self._log = ChatLog(path, model=MODEL, model_version=MODEL_VERSION)
        self._intents: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._ratings: Counter[str] = Counter()
        self._confidences = 0
        self._confidence_sum = 0.0

    def write(self, record: Record) -> None:
        """Append one record as a line."""
        if isinstance(record, Interaction):
            self._write_interaction(record)
        else:
            self._log.feedback(
                interaction=record.interaction,
                rating=record.rating,
                comment=record.comment,
                time=record.time,
                id=record.id,
            )
            self._ratings[record.rating] += 1

    def _write_interaction(self, record: Interaction) -> None:
        self._log.interaction(
            query=record.query,
            response=record.response,
            intent=record.intent,
            confidence=record.confidence,
            latency=record.latency,
            session=record.session,
            user=record.user,
            input_tokens=record.input_tokens,
            output_tokens=record.output_tokens,
            cost=record.cost,
            outcome=record.outcome,
            trace_id=record.trace_id,
            id=record.id,
            time=record.time,
        )
        self._outcomes[record.outcome] += 1
        if record.intent is not None:
            self._intents[record.intent] += 1
        if record.confidence is not None:
            self._confidences += 1
            self._confidence_sum += record.confidence

    def summary(self) -> ChatSummary:
        """Sum up what was written so far."""
        return ChatSummary(
            interactions=self._outcomes.total(),
            feedback=self._ratings.total(),
            by_intent=dict(sorted(self._intents.items())),
            by_outcome=dict(sorted(self._outcomes.items())),
            by_rating=dict(sorted(self._ratings.items())),
            confidences=self._confidences,
            confidence_sum=round(self._confidence_sum, 4),
            mean_confidence=round(self._confidence_sum / self._confidences, 4) if self._confidences else None,
            dropped=self._log.dropped,
        )
