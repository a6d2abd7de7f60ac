"""The settings that a process file may carry, as far as kinds know them: durations, alerts, options."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

NAME_PATTERN = r"^[a-z][a-z0-9-]*$"  # of what bears a name in the catalogue, by which others refer to it
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def parse_duration(value: Any) -> float:
    """Return seconds for a duration as Prometheus writes it.

    Raises:
        ValueError: it is not a duration with a unit.

    >>> parse_duration("1h30m"), parse_duration("250ms")
    (5400.0, 0.25)
    """
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    raise ValueError(f"{value!r} is not a duration: write a number with a unit, such as 500ms, 30s, 5m, 24h or 7d")


def format_duration(seconds: float) -> str:
    """Return a duration in the largest unit that divides it, as Prometheus reads it.

    >>> format_duration(86400.0), format_duration(90.0), format_duration(0.25)
    ('1d', '90s', '250ms')
    """
    milliseconds = round(seconds * 1000)
    for unit in ("w", "d", "h", "m", "s"):
        size = round(_UNITS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration, json_schema_input_type=Annotated[str, Field(pattern=f"^{_DURATION.pattern}$")]),
]


def known_timezone(value: str) -> str:
    """Return a time zone's name.

    Raises:
        ValueError: none is called so.

    >>> known_timezone("Europe/Berlin")
    'Europe/Berlin'
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {value!r}: write UTC, Europe/Berlin or the like") from None
    return value


Timezone = Annotated[str, AfterValidator(known_timezone)]
Share = Annotated[float, Field(gt=0, lt=1)]
Severity = Literal["critical", "warning", "info"]


class Frozen(BaseModel):
    """A settings object: unknown keys are errors, nothing changes after it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AlertSettings(Frozen):
    """What every alert can be told: whether it exists, how severe it is, how long it must hold."""

    alert: ClassVar[str]

    enabled: bool = True
    severity: Severity = "warning"
    for_: Duration = Field(default=300.0, alias="for", validate_default=False)


class ErrorRateHigh(AlertSettings):
    """The share of failed requests over 5 minutes is above ``threshold``, of at least ``min_requests``."""

    alert: ClassVar[str] = "ErrorRateHigh"
    severity: Severity = "critical"
    threshold: Share = 0.05
    min_requests: Annotated[int, Field(ge=1)] = 20


class TrafficAbsent(AlertSettings):
    """No request for ``window``, though the same hours of the last weeks had ``min_requests`` on average."""

    alert: ClassVar[str] = "TrafficAbsent"
    severity: Severity = "critical"
    window: Duration = 3600.0
    min_requests: Annotated[int, Field(ge=1)] = 20


class LogNotRead(AlertSettings):
    """Lines wait in the log, unread or undelivered, for longer than ``threshold`` seconds."""

    alert: ClassVar[str] = "LogNotRead"
    threshold: Duration = 300.0


class RecordsRejected(AlertSettings):
    """The share of lines over 15 minutes that went to the dead letters is above ``threshold``."""

    alert: ClassVar[str] = "RecordsRejected"
    for_: Duration = Field(default=0.0, alias="for", validate_default=False)
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.0


class CommonAlerts(Frozen):
    """The alerts that every kind of process has."""

    error_rate_high: ErrorRateHigh = ErrorRateHigh()
    traffic_absent: TrafficAbsent = TrafficAbsent()
    log_not_read: LogNotRead = LogNotRead()
    records_rejected: RecordsRejected = RecordsRejected()

    def settings(self) -> dict[str, AlertSettings]:
        """Return the settings of every alert by its name in Prometheus, in the order of declaration."""
        found = (getattr(self, name) for name in type(self).model_fields)
        return {alert.alert: alert for alert in found}


class Slo(Frozen):
    """A service level objective: the share of requests that must be good over ``period``.

    ``latency``: a request is good when it took at most ``threshold``. ``errors``: when it did not fail.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
    indicator: Literal["latency", "errors"]
    objective: Share
    threshold: Duration | None = None
    period: Duration = 30 * 86400.0
    description: str = ""

    @field_validator("objective", mode="before")
    @classmethod
    def _objective_is_a_ratio(cls, value: Any) -> Any:
        if isinstance(value, int | float) and 1 < value < 100:
            raise ValueError(f"an objective is a ratio between 0 and 1: write {value / 100:g}, not {value:g}")
        return value

    @model_validator(mode="after")
    def _threshold_fits_indicator(self) -> Slo:
        if (self.indicator == "latency") != (self.threshold is not None):
            verb = "needs" if self.indicator == "latency" else "takes no"
            raise ValueError(f"indicator {self.indicator!r} {verb} threshold, such as `threshold: 2s`")
        return self


class KindOptions(Frozen):
    """The base of what only one kind of process can be told."""

    alerts: CommonAlerts = CommonAlerts()
    slos: tuple[Slo, ...] = ()
