"""How a model's predictions are compared with its baseline, and the alerts about that: the part `drift` of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, field_validator, model_validator

from aiwatch import names
from aiwatch.kinds.base import Metric
from aiwatch.kinds.options import (
    AlertSettings,
    Duration,
    Frozen,
    Severity,
    Share,
    Timezone,
    format_duration,
    parse_duration,
)

CategoricalTest = Literal["chi_squared", "jensen_shannon", "psi"]
Test = Literal["kolmogorov_smirnov", "wasserstein", CategoricalTest]  # all of them are for numbers
Measure = Literal[Test, "missing_share", "unseen_categories", "relations"]
HOUR = 3600.0
_LONGEST_WINDOW = 7 * 24 * HOUR
_LEAST_WINDOWS = 10  # between two false alarms; with fewer, to be wrong in a window would be no error any more
_SHARES = {"kolmogorov_smirnov", "jensen_shannon", "missing_share", "unseen_categories"}  # measures of at most 1
_PROMISE = re.compile(r"(\d+) per (\S+)")


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """A promise: at most ``count`` false alarms in ``period`` seconds on average, over all features and windows."""

    count: int
    period: float


def parse_false_alarms(value: Any) -> FalseAlarms:
    """Return the promise that ``<count> per <duration>`` states.

    Raises:
        ValueError: it does not have that form, or promises none at all.

    >>> parse_false_alarms("1 per 90d")
    FalseAlarms(count=1, period=7776000.0)
    """
    found = _PROMISE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no number of false alarms: write how many in which time, such as 1 per 90d")
    count, period = int(found[1]), parse_duration(found[2])
    if count < 1 or period <= 0:
        raise ValueError(f"{value!r} cannot be kept, for every test errs now and then: write 1 per 365d, for example")
    return FalseAlarms(count, period)


Promise = Annotated[
    FalseAlarms,
    PlainSerializer(lambda promise: f"{promise.count} per {format_duration(promise.period)}"),
    PlainValidator(
        parse_false_alarms, json_schema_input_type=Annotated[str, Field(pattern=r"^[1-9]\d* per [\d.smhdw]+$")]
    ),
]


class Drift(Frozen):
    """How the predictions of every window are compared with the baseline.

    ``false_alarms`` is kept over all features and windows together. Windows of fewer than ``min_rows`` predictions
    are merged with those after them. ``segments`` are categorical features whose most frequent values are looked at
    apart. ``tests`` names another test for a feature than the one that is chosen by itself; ``minimum_effect`` says
    from which effect on a change matters, in the measure of a test. ``timezone`` is that of the clock which the hours
    of the week follow, also when it is put forward or back; a baseline learns them by it.
    """

    false_alarms: Promise = FalseAlarms(1, 90 * 24 * HOUR)
    window: Duration = HOUR
    min_rows: Annotated[int, Field(ge=1)] = 200
    segments: Annotated[tuple[str, ...], Field(max_length=3)] = ()
    tests: dict[str, Test] = {}
    minimum_effect: dict[Measure, Annotated[float, Field(gt=0)]] = {}
    max_baseline_age: Annotated[Duration, Field(gt=0)] = 180 * 24 * HOUR
    timezone: Timezone = "UTC"

    @field_validator("window")
    @classmethod
    def _window_is_whole_hours(cls, value: float) -> float:
        if not HOUR <= value <= _LONGEST_WINDOW or value % HOUR:
            raise ValueError("a window is a whole number of hours and at most 7d: write 1h, 6h or 1d, for example")
        return value

    @field_validator("minimum_effect")
    @classmethod
    def _effects_can_be_reached(cls, value: dict[Measure, float]) -> dict[Measure, float]:
        for measure, effect in value.items():
            if measure in _SHARES and effect >= 1:
                raise ValueError(f"{measure} is never more than 1: write {effect / 100:g}, not {effect:g}")
        return value

    @model_validator(mode="after")
    def _windows_pass_between_false_alarms(self) -> Self:
        promise, least = self.false_alarms, _LEAST_WINDOWS * self.window
        if promise.period / promise.count < least:
            what = (
                f"a false alarm in less than {_LEAST_WINDOWS} windows of {format_duration(self.window)} tells nothing"
            )
            raise ValueError(f"{what}: promise 1 per {format_duration(least)} at most, or take shorter windows")
        return self


class ModelDrift(AlertSettings):
    """The predictions are no longer like those that the model was trained on.

    ``severity`` is for a score that drifts, or outcomes; when features alone do, it is at most a warning.
    """

    alert: ClassVar[str] = "ModelDrift"
    severity: Severity = "critical"
    for_: Duration = Field(default=0.0, alias="for", validate_default=False)


class DriftExpected(AlertSettings):
    """A feature moves so steadily that it will have drifted in ``within``, by the forecast and its interval."""

    alert: ClassVar[str] = "DriftExpected"
    for_: Duration = Field(default=0.0, alias="for", validate_default=False)
    within: Duration = 7 * 24 * HOUR


class BaselineStale(AlertSettings):
    """The baseline is older than ``max_baseline_age`` of the part ``drift``."""

    alert: ClassVar[str] = "BaselineStale"
    for_: Duration = Field(default=HOUR, alias="for", validate_default=False)


class TrafficLow(AlertSettings):
    """Windows have less than ``threshold`` of the predictions that are usual for their hours of the week.

    Only where ``min_predictions`` are usual in a window. ``for`` is how long: three windows of an hour, unless told
    otherwise.
    """

    alert: ClassVar[str] = "TrafficLow"
    for_: Duration = Field(default=2.25 * HOUR, alias="for", validate_default=False)
    threshold: Share = 0.5
    min_predictions: Annotated[int, Field(ge=1)] = 200


_BY_FEATURE = (names.PROCESS, names.FEATURE)
METRICS = (
    Metric(names.DRIFT_DETECTED, "gauge", "1 while the feature drifts, else 0.", _BY_FEATURE),
    Metric(
        names.DRIFT_EFFECT_RATIO,
        "gauge",
        "Size of the change, divided by the size from which on it matters.",
        _BY_FEATURE,
    ),
    Metric(
        names.DRIFT_EVIDENCE_RATIO,
        "gauge",
        "Evidence of a change over time, divided by what an alarm takes.",
        _BY_FEATURE,
    ),
    Metric(
        names.DRIFT_EXPECTED_SECONDS,
        "gauge",
        "Time until the feature will have drifted, at the latest by the forecast's interval; absent without a trend.",
        _BY_FEATURE,
    ),
    Metric(
        names.DRIFT_STATE,
        "gauge",
        "1 for the state of the newest window: ok, drift, not_enough_data, learning, no_baseline; else 0.",
        (names.PROCESS, names.STATE),
    ),
    Metric(
        names.DRIFT_CAUSE_INFO,
        "gauge",
        "The likely cause while something drifts, and the features that it shows in.",
        (names.PROCESS, names.CAUSE, names.FEATURE),
    ),
    Metric(
        names.DRIFT_EVIDENCE_INFO,
        "gauge",
        "What speaks for the likely cause while something drifts, in a few lines.",
        (names.PROCESS, names.LINE, names.TEXT),
    ),
    Metric(
        names.DRIFT_REPORT_INFO, "gauge", "The newest report while something drifts.", (names.PROCESS, names.REPORT)
    ),
    Metric(names.DRIFT_WINDOW_ROWS, "gauge", "Predictions in the newest window.", (names.PROCESS,)),
    Metric(
        names.DRIFT_WINDOW_USUAL_ROWS,
        "gauge",
        "Predictions that the training period had in the hours of the week of the newest window; absent if unknown.",
        (names.PROCESS,),
    ),
    Metric(names.DRIFT_WINDOW_SECONDS, "gauge", "Length of a window.", (names.PROCESS,)),
    Metric(
        names.DRIFT_WINDOW_END_TIMESTAMP_SECONDS,
        "gauge",
        "Up to when predictions were looked at.",
        (names.PROCESS,),
    ),
    Metric(names.BASELINE_TIMESTAMP_SECONDS, "gauge", "When the baseline was made.", (names.PROCESS,)),
    Metric(
        names.BASELINE_OUTPUT_RATIO,
        "gauge",
        "Share of the baseline's predictions whose score or value is at most `le`.",
        (names.PROCESS, "le"),
    ),
    Metric(names.BASELINE_MAX_AGE_SECONDS, "gauge", "From which age on the baseline is too old.", (names.PROCESS,)),
)
"""What `aiwatch drift` exposes of every model."""
