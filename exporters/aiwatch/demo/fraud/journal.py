"""The fraud score's log and what was written to it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from aiwatch.demo.fraud.records import Prediction
from aiwatch.instrument import PredictionLog

PROCESS = "card-fraud"
"""The process's name in the catalogue."""

PARTNER = "partner-fraud"
"""The process whose payments the same model judges: those by the cards of another bank."""

MODEL = "fraud-trees"
"""The name that the model bears in the log."""

MODEL_VERSION = "1.0.0"
"""The version of the model in the log."""


@dataclass(frozen=True, slots=True)
class FraudSummary:
    """What was written, and what a store that read it must show.

    `missing` counts missing features by name, `fraud` the payments that truly were fraud (not in the log),
    `dropped` the events that could not be written.
    """

    predictions: int
    errors: int
    by_decision: dict[str, int]
    missing: dict[str, int]
    score_sum: float
    fraud: int
    dropped: int


class FraudJournal:
    """Writes predictions through `aiwatch.instrument` and keeps count.

    Args:
        path: the log file, appended to.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; it is created by the first prediction."""
        self._log = PredictionLog(path, model=MODEL, model_version=MODEL_VERSION)
        self._decisions: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._errors = 0
        self._score_sum = 0.0
        self._fraud = 0

    def write(self, prediction: Prediction) -> None:
        """Append one prediction as a line."""
        self._log.prediction(
            features=prediction.features,
            score=prediction.score,
            decision=prediction.decision,
            latency=prediction.latency,
            trace_id=prediction.trace_id,
            error=prediction.error,
            id=prediction.id,
            time=prediction.time,
        )
        self._errors += prediction.error is not None
        self._fraud += prediction.fraud is not None
        self._score_sum += prediction.score or 0.0
        self._missing.update(name for name, value in prediction.features.items() if value is None)
        if prediction.decision is not None:
            self._decisions[prediction.decision] += 1

    def summary(self) -> FraudSummary:
        """Sum up what was written so far."""
        return FraudSummary(
            predictions=self._decisions.total() + self._errors,
            errors=self._errors,
            by_decision=dict(sorted(self._decisions.items())),
            missing=dict(sorted(self._missing.items())),
            score_sum=round(self._score_sum, 5),
            fraud=self._fraud,
            dropped=self._log.dropped,
        )
