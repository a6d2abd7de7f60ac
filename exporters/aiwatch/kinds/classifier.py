"""Models that score and decide: fraud, churn, screening. A score between 0 and 1, and a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from aiwatch import names
from aiwatch.kinds import prediction, shared
from aiwatch.kinds.base import (
    RATIO_BOUNDS,
    Kind,
    Label,
    Labels,
    Metric,
    Recipe,
    RecordType,
    latency_bounds,
)
from aiwatch.kinds.options import AlertSettings, Duration, Share, Slo


class Classification(prediction.Prediction, frozen=True, kw_only=True, omit_defaults=True):
    """One scored case. ``score`` lies between 0 and 1; ``decision`` is what was done with it.

    ``label`` is what turned out to be true, where the log knows it: false and true, or from 0 to 1.
    """

    score: float | None = None
    decision: str | None = None
    label: bool | float | None = None


class DecisionRateChanged(AlertSettings):
    """The share of a decision over ``window`` moved by ``factor`` against the same hours of the last weeks.

    A share counts as moved only when it also moved by ``min_change`` in absolute terms.
    """

    alert: ClassVar[str] = "ModelDecisionRateChanged"
    window: Duration = 3600.0
    factor: Annotated[float, Field(gt=1)] = 2.0
    min_change: Share = 0.01
    min_predictions: Annotated[int, Field(ge=1)] = 100


class ClassifierAlerts(prediction.PredictionAlerts):
    """The alerts of a classifier."""

    decision_rate_changed: DecisionRateChanged = DecisionRateChanged()


class ClassifierOptions(prediction.PredictionOptions):
    """What only a classifier can be told."""

    decisions: tuple[str, ...] = ()
    alerts: ClassifierAlerts = ClassifierAlerts()
    slos: tuple[Slo, ...] = (
        Slo(name="latency", indicator="latency", objective=0.99, threshold="500ms"),
        Slo(name="errors", indicator="errors", objective=0.999),
    )


def bounds(options: ClassifierOptions, thresholds: Sequence[float]) -> Mapping[str, tuple[float, ...]]:
    """Return the bucket bounds of the histograms of a classifier."""
    return {names.LATENCY_SECONDS: latency_bounds(thresholds), names.SCORE_RATIO: RATIO_BOUNDS}


def zeros(process: str, options: ClassifierOptions) -> Sequence[tuple[str, Labels]]:
    """Return the counter series that are known before the first record."""
    return prediction.feature_zeros(process, options)


def recipes(options: ClassifierOptions) -> Mapping[str, Recipe]:
    """Return what classifications add to the metrics."""
    decision = Label("decision", names.UNKNOWN)
    return {"prediction": prediction.recipe(options, names.SCORE_RATIO, "score", decision)}


KIND = Kind(
    name="classifier",
    title="Classifier",
    options=ClassifierOptions,
    records=(
        RecordType(
            name="prediction",
            family=names.FAMILY_PREDICTIONS,
            struct=Classification,
            text=(),
            ranges={"latency": (0.0, None), "score": (0.0, 1.0), "label": (0.0, 1.0)},
            choices={},
            dimensions={"time": "time", "latency": "duration", "score": "ratio"},
            properties={
                **prediction.PROPERTIES,
                "score": {"type": "float"},
                "decision": shared.KEYWORD,
            },
        ),
    ),
    metrics=(
        Metric(
            names.PREDICTIONS_TOTAL,
            "counter",
            "Predictions by decision.",
            (names.PROCESS, names.MODEL_VERSION, names.DECISION),
        ),
        Metric(
            names.SCORE_RATIO,
            "histogram",
            "Score, between 0 and 1.",
            (names.PROCESS, names.MODEL_VERSION),
        ),
        shared.LATENCY,
        shared.ERRORS,
        prediction.MISSING,
        prediction.INVALID,
        shared.LAST_EVENT,
    ),
    volume=names.PREDICTIONS_TOTAL,
    bounds=bounds,
    zeros=zeros,
    recipes=recipes,
)
