"""Models that predict a number: demand, price, duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import field_validator

from aiwatch import names
from aiwatch.kinds import prediction, shared
from aiwatch.kinds.base import Kind, Label, Labels, Metric, Recipe, RecordType, latency_bounds
from aiwatch.kinds.options import Slo


class Regression(prediction.Prediction, frozen=True, kw_only=True, omit_defaults=True):
    """One predicted number, in the unit of what is predicted; ``label`` is the true one, where the log knows it."""

    value: float | None = None
    label: float | None = None


class RegressorOptions(prediction.PredictionOptions):
    """What only a regressor can be told. ``value_bounds`` are the histogram's bucket bounds, ascending."""

    value_bounds: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0, 1000000.0)
    slos: tuple[Slo, ...] = (
        Slo(name="latency", indicator="latency", objective=0.99, threshold="1s"),
        Slo(name="errors", indicator="errors", objective=0.999),
    )

    @field_validator("value_bounds")
    @classmethod
    def _bounds_ascend(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or list(value) != sorted(set(value)):
            raise ValueError("bucket bounds must ascend, without repeats")
        return value


def bounds(options: RegressorOptions, thresholds: Sequence[float]) -> Mapping[str, tuple[float, ...]]:
    """Return the bucket bounds of the histograms of a regressor."""
    return {names.LATENCY_SECONDS: latency_bounds(thresholds), names.PREDICTED_VALUE: options.value_bounds}


def zeros(process: str, options: RegressorOptions) -> Sequence[tuple[str, Labels]]:
    """Return the counter series that are known before the first record."""
    return prediction.feature_zeros(process, options)


def recipes(options: RegressorOptions) -> Mapping[str, Recipe]:
    """Return what predictions add to the metrics."""
    none = Label(None, "")  # Prometheus takes an empty label for an absent one
    return {"prediction": prediction.recipe(options, names.PREDICTED_VALUE, "value", none)}


KIND = Kind(
    name="regressor",
    title="Regressor",
    options=RegressorOptions,
    records=(
        RecordType(
            name="prediction",
            family=names.FAMILY_PREDICTIONS,
            struct=Regression,
            text=(),
            ranges={"latency": (0.0, None)},
            choices={},
            dimensions={"time": "time", "latency": "duration"},
            properties={**prediction.PROPERTIES, "value": {"type": "double"}},
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
            names.PREDICTED_VALUE,
            "histogram",
            "Predicted values, in the unit of what is predicted.",
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
