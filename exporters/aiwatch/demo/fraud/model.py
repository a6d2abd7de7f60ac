"""The model: gradient-boosted trees over numbers and categories, really trained, in seconds, at start-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import ThreadpoolController

from aiwatch.demo.fraud.records import FEATURES, Decision, Features, Transaction
from aiwatch.demo.fraud.world import World
from aiwatch.demo.rhythm import DAY

REVIEW_FROM = 0.1
"""From this score on, a person looks at the payment."""

BLOCK_FROM = 0.6
"""From this score on, the payment is refused."""

_TRAINING_START = datetime(2026, 1, 5, tzinfo=UTC)
_TRAINING_DAYS = 10
_TRAINING_PER_DAY = 4000.0
_NUMBERS = [name for name, kind in FEATURES.items() if kind != "string"]
_CATEGORIES = [name for name, kind in FEATURES.items() if kind == "string"]


class FraudModel:
    """Gives the probability of fraud from a payment's features, missing ones included."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Wrap a pipeline; use `train` to get a fitted one."""
        self._pipeline: Any = pipeline
        self._threads: Any = ThreadpoolController()

    @classmethod
    def train(cls, transactions: Sequence[Transaction]) -> FraudModel:
        """Fit on payments whose truth is known, genuine and fraudulent ones."""
        places = list(range(len(_CATEGORIES)))
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
        pipeline = make_pipeline(
            ColumnTransformer([("categories", encoder, places)], remainder="passthrough"),
            HistGradientBoostingClassifier(
                categorical_features=places,
                max_iter=80,
                learning_rate=0.1,
                max_leaf_nodes=15,
                min_samples_leaf=30,
                l2_regularization=5.0,
                early_stopping=False,
                random_state=0,
            ),
        )
        model = cls(pipeline)
        truth = [t.fraud is not None for t in transactions]
        with model._one_thread():
            pipeline.fit(_matrix([t.features for t in transactions]), truth)
        return model

    def score(self, features: Sequence[Features]) -> list[float]:
        """Give the probability of fraud of each payment, 0..1, to five digits."""
        if not features:
            return []
        with self._one_thread():
            probabilities = self._pipeline.predict_proba(_matrix(features))[:, 1]
        return [round(float(p), 5) for p in probabilities]

    def _one_thread(self) -> AbstractContextManager[object]:
        """Keep the trees to one thread: several wait for each other in busy loops, and servers need the cores."""
        limit: AbstractContextManager[object] = self._threads.limit(limits=1)
        return limit


def decide(score: float) -> Decision:
    """Turn a score into what is done.

    >>> [decide(score) for score in (0.02, 0.1, 0.9)]
    ['approve', 'review', 'block']
    """
    if score >= BLOCK_FROM:
        return "block"
    return "review" if score >= REVIEW_FROM else "approve"


def train_fraud_model() -> FraudModel:
    """Train the model of the demo, always on the same ten days of payments."""
    start = _TRAINING_START.timestamp()
    world = World("training")
    world.warm_up(start)
    return FraudModel.train(list(world.transactions(start, start + _TRAINING_DAYS * DAY, _TRAINING_PER_DAY)))


def _matrix(rows: Sequence[Features]) -> npt.NDArray[np.object_]:
    matrix = np.empty((len(rows), len(FEATURES)), dtype=object)
    for place, name in enumerate([*_CATEGORIES, *_NUMBERS]):
        missing = None if name in _CATEGORIES else math.nan
        matrix[:, place] = [missing if row[name] is None else row[name] for row in rows]
    return matrix
