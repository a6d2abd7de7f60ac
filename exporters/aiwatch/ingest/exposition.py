"""The metrics as text, for Prometheus: the plain format 0.0.4 and OpenMetrics 1.0 with exemplars.

Each series' lines are kept and made anew only when it changed. A young counter or histogram (see `MetricState`) is
shown as 0, because Prometheus cannot count an increase from a series that was not there before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from aiwatch.ingest.state import MetricState, Series
from aiwatch.kinds.base import Histogram, Labels, Metric

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
NO_LABELS: Mapping[str, str] = MappingProxyType({})
_TRACE = re.compile(r"[\w.:+/=\-]{1,120}", re.ASCII)  # with its name 128 characters, which OpenMetrics allows at most


class Renders(Protocol):
    """Shows metrics."""

    def render(self, openmetrics: bool) -> str:
        """Return all series as text, without the end mark of OpenMetrics."""


class Exposition:
    """Renders a state. May be called from several threads at once."""

    def __init__(self, state: MetricState, extra: Mapping[str, str] = NO_LABELS) -> None:
        """Render ``state``, every series with the ``extra`` labels; nothing is rendered yet."""
        self._state = state
        self._extra = extra
        self._lines: dict[str, dict[Labels, tuple[str, str]]] = {name: {} for name in state.metrics}

    def render(self, openmetrics: bool) -> str:
        """Return all series as text, without the end mark of OpenMetrics."""
        with self._state.lock:
            self._refresh()
            return "".join(text for family in self._families(1 if openmetrics else 0) for text in family)

    def families(self, openmetrics: bool) -> list[tuple[str, str]]:
        """Return the head of each family that has series, and these."""
        with self._state.lock:
            self._refresh()
            return list(self._families(1 if openmetrics else 0))

    def _refresh(self) -> None:
        state = self._state
        for key in state.changed:
            name, labels = key
            metric, series = state.metrics[name], state.series[key]
            is_zero = key in state.young and metric.type != "gauge"
            self._lines[name][labels] = render_series(metric, labels, zero(series) if is_zero else series, self._extra)
        state.changed.clear()

    def _families(self, which: int) -> Iterable[tuple[str, str]]:
        for name, lines in self._lines.items():
            if lines:
                metric = self._state.metrics[name]
                family = name.removesuffix("_total") if which and metric.type == "counter" else name
                head = f"# HELP {family} {_escaped_help(metric.help)}\n# TYPE {family} {metric.type}\n"
                yield head, "".join([pair[which] for pair in lines.values()])


class JointExposition:
    """Renders several states as one, each family once. No two may have a series with the same labels."""

    def __init__(self, parts: Callable[[], Iterable[Exposition]]) -> None:
        """Render what ``parts`` returns at that moment."""
        self._parts = parts

    def render(self, openmetrics: bool) -> str:
        """Return all series as text, without the end mark of OpenMetrics."""
        found: dict[str, list[str]] = {}
        for part in self._parts():
            for head, lines in part.families(openmetrics):
                found.setdefault(head, [head]).append(lines)
        return "".join(text for texts in found.values() for text in texts)


def zero(series: Series) -> Series:
    """Return the series as it was before anything was counted."""
    value = Histogram.empty(series.value.bounds) if isinstance(series.value, Histogram) else 0.0
    return Series(value, series.born)


def render_series(
    metric: Metric, labels: Labels, series: Series, extra: Mapping[str, str] = NO_LABELS
) -> tuple[str, str]:
    """Return one series in the plain format and in OpenMetrics, with ``extra`` labels behind its own."""
    named = [*zip(metric.labels, labels, strict=True), *extra.items()]
    pairs = ",".join(f'{name}="{escape_label(value)}"' for name, value in named)
    if not isinstance(series.value, Histogram):
        line = f"{metric.name}{{{pairs}}} {format_number(series.value)}\n"
        return line, line
    histogram = series.value
    plain: list[str] = []
    traced: list[str] = []
    total = 0
    for bucket, count in enumerate(histogram.counts):
        total += count
        bound = format_number(histogram.bounds[bucket]) if bucket < len(histogram.bounds) else "+Inf"
        line = f'{metric.name}_bucket{{{pairs},le="{bound}"}} {total}.0'
        plain.append(line)
        traced.append(line + _exemplar(histogram, bucket))
    tail = [
        f"{metric.name}_sum{{{pairs}}} {format_number(histogram.sum)}",
        f"{metric.name}_count{{{pairs}}} {total}.0",
        "",
    ]
    text = "\n".join([*plain, *tail])
    return text, "\n".join([*traced, *tail]) if histogram.exemplars else text  # one text held, not two


def _exemplar(histogram: Histogram, bucket: int) -> str:
    if bucket not in histogram.exemplars:
        return ""
    trace, value, time = histogram.exemplars[bucket]
    if _TRACE.fullmatch(trace) is None:
        return ""  # no id that a tracing system gives out, and half of one leads nowhere
    return f' # {{trace_id="{trace}"}} {format_number(value)} {time:.3f}'


def format_number(value: float) -> str:
    """Return a number as Prometheus's client writes it.

    >>> format_number(3), format_number(0.05), format_number(float("inf"))
    ('3.0', '0.05', '+Inf')
    """
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def escape_label(value: str) -> str:
    r"""Return a label value as it stands between quotes.

    >>> escape_label('a"b\\c')
    'a\\"b\\\\c'
    """
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
