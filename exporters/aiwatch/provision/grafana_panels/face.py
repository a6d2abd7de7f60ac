"""What every panel shows besides its data: title, explanation, unit, thresholds, and what stands there without data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.models import dashboard

from aiwatch.provision.grafana_panels.queries import Query

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"

NO_DATA = "No data in this period"
QUIET = "None"
"""How the text of a panel begins for which no data is good news, such as a list of alerts or of errors."""

Step = tuple[float | None, str]
NEUTRAL: tuple[Step, ...] = ((None, BLUE),)


def bad_above(limit: float) -> tuple[Step, ...]:
    """Return thresholds of a value that should stay below ``limit``.

    >>> bad_above(0.05)
    ((None, 'green'), (0.05, 'red'))
    """
    return ((None, GREEN), (limit, RED))


def bad_below(limit: float) -> tuple[Step, ...]:
    """Return thresholds of a value that should stay at or above ``limit``.

    >>> bad_below(0.7)
    ((None, 'red'), (0.7, 'green'))
    """
    return ((None, RED), (limit, GREEN))


@dataclass(frozen=True, slots=True)
class Face:
    """How a panel presents itself.

    Attributes:
        title: what one sees.
        description: what it means, how it is computed, and what a threshold stands for.
        unit: as Grafana calls it; the number itself is in that unit.
        steps: thresholds, ascending; the first has no bound.
        no_value: shown when there is no data; begins with `QUIET` where that is fine.
        decimals: digits after the point, or as many as fit.
        bounds: the smallest and the largest value of the axis or bar; None is automatic.
        colours: fixed colours by name of a series.
        words: what people read instead of a number.
    """

    title: str
    description: str
    unit: str
    steps: tuple[Step, ...] = NEUTRAL
    no_value: str = NO_DATA
    decimals: int | None = None
    bounds: tuple[float | None, float | None] = (None, None)
    colours: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


def thresholds(steps: Sequence[Step]) -> dashboard.ThresholdsConfig:
    """Return absolute thresholds."""
    config = [dashboard.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=config)


def override(name: str, properties: Mapping[str, object]) -> dashboard.DashboardFieldConfigSourceOverrides:
    """Return settings for the series or column called ``name``, or /like this/: properties by their path."""
    matcher = "byRegexp" if name.startswith("/") else "byName"
    return _override(dashboard.MatcherConfig(id_val=matcher, options=name), properties)


def override_all(properties: Mapping[str, object]) -> dashboard.DashboardFieldConfigSourceOverrides:
    """Return settings for every number: properties by their path, for which the SDK has no setter."""
    return _override(dashboard.MatcherConfig(id_val="byType", options="number"), properties)


def _override(
    matcher: dashboard.MatcherConfig, properties: Mapping[str, object]
) -> dashboard.DashboardFieldConfigSourceOverrides:
    values = [dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]
    return dashboard.DashboardFieldConfigSourceOverrides(matcher=matcher, properties=values)


def dress(panel: dashboard.Panel, face: Face, queries: Sequence[Query]) -> dashboard.Panel:
    """Give a panel its face and its queries; returns the same panel."""
    config = panel.field_config or dashboard.FieldConfigSource()
    defaults = config.defaults or dashboard.FieldConfig()
    defaults.unit, defaults.decimals, defaults.no_value = face.unit, face.decimals, face.no_value
    defaults.min_val, defaults.max_val = face.bounds
    defaults.thresholds = thresholds(face.steps)
    if face.words:
        results = {value: dashboard.ValueMappingResult(text=text) for value, text in face.words.items()}
        defaults.mappings = [dashboard.ValueMap(options=results)]
    config.defaults = defaults
    config.overrides = [
        *(config.overrides or []),
        *(override(name, {"color": {"mode": "fixed", "fixedColor": colour}}) for name, colour in face.colours.items()),
    ]
    panel.field_config = config
    panel.title, panel.description = face.title, face.description
    panel.targets = list(queries)
    panel.repeat_direction = None
    if queries:
        panel.datasource = queries[0].datasource
    return panel
