"""What classifiers and regressors share: features, the prediction record, and how both are counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field, field_validator, model_validator

from aiwatch import names
from aiwatch.hints import did_you_mean
from aiwatch.kinds.base import Folding, Labels, Metric, Record, by_version
from aiwatch.kinds.options import AlertSettings, Frozen, KindOptions, Share
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


class Drift(Frozen):
    """How predictions are compared with the baseline.

    ``segments`` are categorical features whose most frequent values are looked at apart.
    """

    segments: Annotated[tuple[str, ...], Field(max_length=3)] = ()


RESERVED_FEATURES = (names.SCORE, names.VALUE, names.RELATIONS, names.VOLUME)


class PredictionOptions(KindOptions):
    """What every kind of model can be told."""

    features: dict[str, Feature] = {}
    drift: Drift = Drift()
    response: Response = Response()

    @field_validator("features")
    @classmethod
    def _names_are_free(cls, value: dict[str, Feature]) -> dict[str, Feature]:
        for name in RESERVED_FEATURES:
            if name in value:
                raise ValueError(f"no feature may be called {name!r}, for aiwatch calls something else so: rename it")
        return value

    @model_validator(mode="after")
    def _segments_are_categories(self) -> PredictionOptions:
        for name in self.drift.segments:
            if self.features and name not in self.features:
                raise ValueError(f"segment {name!r} is no feature; {did_you_mean(name, self.features)}")
            if self.features and self.features[name].type == "numeric":
                raise ValueError(f"segment {name!r} is numeric: segments are the values of categorical features")
        return self


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

    >>> is_valid(Feature(type="numeric", min=0), -1), is_valid(Feature(type="categorical"), "DE")
    (False, True)
    """
    if feature.type == "numeric":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return (feature.min is None or value >= feature.min) and (feature.max is None or value <= feature.max)
    if not isinstance(value, str | bool | int):
        return False
    return not feature.values or str(value) in feature.values


def feature_zeros(process: str, options: PredictionOptions) -> Sequence[tuple[str, Labels]]:
    """Return the feature counters, which are known before the first record."""
    metrics = (names.FEATURES_MISSING_TOTAL, names.FEATURES_INVALID_TOTAL)
    return [(metric, (process, feature)) for feature in options.features for metric in metrics]


def narrow(options: PredictionOptions) -> Mapping[str, Any]:
    """Return a type for ``features`` that only complete and valid ones fit: nothing is left to look at then.

    >>> complete = narrow(PredictionOptions(features={"age": Feature(type="numeric", min=0)}))["features"]
    >>> msgspec.json.decode(b'{"age": 3, "other": 1}', type=complete)
    Features(f0=3.0)
    """
    if not options.features:
        return {}
    fields = [
        (f"f{number}", _valid_type(feature), msgspec.field(name=name))
        for number, (name, feature) in enumerate(options.features.items())
    ]
    return {"features": msgspec.defstruct("Features", fields, frozen=True, gc=False)}


def _valid_type(feature: Feature) -> Any:
    """Return the type of what `is_valid` holds for valid, as far as JSON may write it."""
    if feature.type == "numeric":
        return Annotated[float, msgspec.Meta(ge=feature.min, le=feature.max)]
    return Literal[feature.values] if feature.values else str | bool | int


def fold_predictions(
    folding: Folding,
    records: Sequence[Any],
    metric: str,
    field: str,
    decisions: Callable[[Sequence[Any]], Mapping[str, int]],
) -> None:
    """Add a batch of predictions to the metrics.

    The histogram ``metric`` observes ``field``; ``decisions`` returns how many records have each value of the label
    ``decision``.
    """
    process, count = folding.process, folding.delta.count
    for version, group in by_version(records).items():
        for decision, number in decisions(group).items():
            count(names.PREDICTIONS_TOTAL, (process, version, decision), number)
        count(names.ERRORS_TOTAL, (process, version), sum(1 for record in group if record.error))
        folding.observe(names.LATENCY_SECONDS, version, "latency", group)
        folding.observe(metric, version, field, group)
    features: Mapping[str, Feature] = folding.options.features
    for held in [record.features for record in records if type(record.features) is dict]:  # others are complete
        for name, feature in features.items():
            value = held.get(name)
            if value is None:
                count(names.FEATURES_MISSING_TOTAL, (process, name))
            elif not is_valid(feature, value):
                count(names.FEATURES_INVALID_TOTAL, (process, name))
    folding.happened([record.time for record in records])
