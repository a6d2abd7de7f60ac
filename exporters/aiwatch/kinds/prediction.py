"""What classifiers and regressors share: features, the prediction record, and how both are counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from aiwatch import names
from aiwatch.kinds.base import Label, Labels, Metric, Recipe, Record
from aiwatch.kinds.drift import BaselineStale, Drift, DriftExpected, ModelDrift, TrafficLow
from aiwatch.kinds.options import AlertSettings, CommonAlerts, Frozen, KindOptions, Share
from aiwatch.kinds.response import Response
from aiwatch.kinds.shared import KEYWORD


class Feature(Frozen):
    """One input of a model: its type, and the values that are valid."""

    type: Literal["numeric", "categorical"]
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _limits_fit_type(self) -> Feature:
        if self.type == "numeric" and self.values:
            raise ValueError("a numeric feature takes min and max, not values")
        if self.type == "categorical" and (self.min is not None or self.max is not None):
            raise ValueError("a categorical feature takes values, not min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class FeaturesMissing(AlertSettings):
    """The share of predictions of the last 15 minutes that lack a feature is above ``threshold``."""

    alert: ClassVar[str] = "ModelFeaturesMissing"
    threshold: Share = 0.10
    min_predictions: Annotated[int, Field(ge=1)] = 50


RESERVED_FEATURES = (names.SCORE, names.VALUE, names.RELATIONS, names.VOLUME, names.OUTCOMES)


class PredictionAlerts(CommonAlerts):
    """The alerts of every kind of model."""

    features_missing: FeaturesMissing = FeaturesMissing()
    model_drift: ModelDrift = ModelDrift()
    drift_expected: DriftExpected = DriftExpected()
    baseline_stale: BaselineStale = BaselineStale()
    traffic_low: TrafficLow = TrafficLow()


class PredictionOptions(KindOptions):
    """What every kind of model can be told."""

    features: dict[str, Feature] = {}
    drift: Drift = Drift()
    alerts: PredictionAlerts = PredictionAlerts()
    response: Response = Response()

    @field_validator("features")
    @classmethod
    def _names_are_free(cls, value: dict[str, Feature]) -> dict[str, Feature]:
        for name in RESERVED_FEATURES:
            if name in value:
                raise ValueError(f"no feature may be called {name!r}, for aiwatch calls something else so: rename it")
        return value


class Prediction(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One prediction: its features, and an error when none came out. ``latency`` is in seconds."""

    features: dict[str, Any] = {}
    latency: float | None = None
    model: str | None = None
    model_version: str | None = None
    trace_id: str | None = None
    error: str | None = None


MISSING = Metric(
    names.FEATURES_MISSING_TOTAL,
    "counter",
    "Predictions that lacked the feature, or had null for it.",
    (names.PROCESS, names.FEATURE),
)
INVALID = Metric(
    names.FEATURES_INVALID_TOTAL,
    "counter",
    "Predictions whose value of the feature has the wrong type or lies outside of what is valid.",
    (names.PROCESS, names.FEATURE),
)

PROPERTIES: Mapping[str, Any] = {
    "features": {"type": "flattened", "ignore_above": 1024},
    "label": {"type": "double", "ignore_malformed": True},  # true and false are kept, but not searchable
    "latency": {"type": "float"},
    "model": KEYWORD,
    "model_version": KEYWORD,
    "trace_id": KEYWORD,
    "error": KEYWORD,
}


def is_valid(feature: Feature, value: Any) -> bool:
    """Tell whether a feature may have this value, which is not None.

    >>> is_valid(Feature(type="numeric", min=0), -1), is_valid(Feature(type="categorical", values=["true"]), True)
    (False, True)
    """
    if feature.type == "categorical":
        return (found := as_category(value)) is not None and (not feature.values or found in feature.values)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return False
    if not math.isfinite(number):
        return False
    return (feature.min is None or number >= feature.min) and (feature.max is None or number <= feature.max)


def as_category(value: Any) -> str | None:
    """Return a value as a category, written as JSON writes it, or None for what is none: a fraction, a list.

    >>> [as_category(value) for value in ("DE", True, 7, 7.0)]
    ['DE', 'true', '7', None]
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else None


def feature_zeros(process: str, options: PredictionOptions) -> Sequence[tuple[str, Labels]]:
    """Return the feature counters, which are known before the first record."""
    metrics = (names.FEATURES_MISSING_TOTAL, names.FEATURES_INVALID_TOTAL)
    return [(metric, (process, feature)) for feature in options.features for metric in metrics]


def recipe(options: PredictionOptions, metric: str, field: str, decision: Label) -> Recipe:
    """Return what predictions add to the metrics, of which the histogram ``metric`` observes ``field``."""
    return Recipe(
        counter=names.PREDICTIONS_TOTAL,
        labels=(decision,),
        failure=("error", None),
        observed=((names.LATENCY_SECONDS, "latency"), (metric, field)),
        features=options.features,
    )
