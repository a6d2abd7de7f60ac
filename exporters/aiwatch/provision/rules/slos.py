"""Service level objectives as recording rules and burn-rate alerts, in the names and shape of Sloth.

The windows and factors are those of Google's SRE workbook, "Alerting on SLOs": an alert fires when the error budget
burns too fast over a long window, and still does over a short one.

Apart from Sloth: the ratio over the period is weighted by traffic (it divides the period's events, not averages of
ratios), and needs enough events for one bad event to fit into the budget; a burn-rate alert needs enough events for one
bad event not to fire it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from aiwatch import names
from aiwatch.catalogue.model import Framework, Process
from aiwatch.kinds.options import Severity, Slo, format_duration, parse_duration
from aiwatch.provision import recorded
from aiwatch.provision.rules.alerts.condition import annotation_set, label_set, literal, percent
from aiwatch.provision.rules.model import Alert, Group, Recording
from aiwatch.provision.rules.promql import indented, le, number, selector

_DAY = 86400.0
_SHORTEST_PERIOD = 28 * _DAY  # the factors of a shorter one would fire while the budget is being kept


@dataclass(frozen=True, slots=True)
class _Burn:
    """Spending ``budget`` (a share) of the error budget within ``long``, and still at that speed over ``short``."""

    budget: float
    short: str
    long: str

    def factor(self, slo: Slo) -> float:
        """Return how many times faster than allowed the budget burns."""
        return self.budget * max(slo.period, _SHORTEST_PERIOD) / parse_duration(self.long)


@dataclass(frozen=True, slots=True)
class _Urgency:
    """How urgently somebody should look, in Sloth's words and in ours."""

    sloth: Literal["page", "ticket"]
    severity: Severity
    quick: _Burn
    slow: _Burn


_URGENCIES = (
    _Urgency("page", "critical", _Burn(0.02, "5m", "1h"), _Burn(0.05, "30m", "6h")),
    _Urgency("ticket", "warning", _Burn(0.10, "2h", "1d"), _Burn(0.10, "6h", "3d")),
)
_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True)
class _Indicator:
    """The counters of an indicator: all events, and either the bad ones or the good ones."""

    total: str
    bad: str = ""
    good: str = ""

    def error_ratio(self, function: str, window: str, at_least: str) -> str:
        """Return the share of bad events over ``window``; no sample when the total is not ``at_least``."""
        total = f"(sum({function}({self.total}[{window}])) {at_least})"
        if self.bad:
            return f"sum({function}({self.bad}[{window}]))\n/\n{total}"
        return f"1 - (\n  sum({function}({self.good}[{window}]))\n  /\n  {total}\n)"


def slo_groups(framework: Framework, process: Process) -> list[Group]:
    """Return three groups per objective of a process: its indicator, what is derived from it, its alerts."""
    return [group for slo in process.slos for group in _groups(framework, process, slo)]


def _groups(framework: Framework, process: Process, slo: Slo) -> list[Group]:
    identity = {
        recorded.SLOTH_ID: f"{process.name}-{slo.name}",
        recorded.SLOTH_SERVICE: process.name,
        recorded.SLOTH_SLO: slo.name,
    }
    indicator = _indicator(process, slo)
    name = identity[recorded.SLOTH_ID]
    alerts = [_alert(framework, process, slo, identity, urgency, indicator) for urgency in _URGENCIES]
    return [
        Group(f"sloth-slo-sli-recordings-{name}", _indicator_rules(process, slo, identity, indicator), "30s"),
        # long ranges: looked at less often, yet within the 5 minutes for which Prometheus keeps a sample fresh
        Group(f"sloth-slo-meta-recordings-{name}", _period_rules(process, slo, identity, indicator), "2m"),
        Group(f"sloth-slo-alerts-{name}", alerts, "30s"),
    ]


def _indicator(process: Process, slo: Slo) -> _Indicator:
    if slo.threshold is None:
        return _Indicator(
            total=selector(process.kind.volume, process=process.name),
            bad=selector(names.ERRORS_TOTAL, process=process.name),
        )
    return _Indicator(
        total=selector(f"{names.LATENCY_SECONDS}_count", process=process.name),
        good=selector(f"{names.LATENCY_SECONDS}_bucket", process=process.name, le=le(slo.threshold)),
    )


def _indicator_rules(process: Process, slo: Slo, identity: dict[str, str], indicator: _Indicator) -> list[Recording]:
    windows = [window for window in _WINDOWS if window != format_duration(slo.period)]
    return [
        Recording(
            f"{recorded.SLI_ERROR_RATIO}{window}",
            indicator.error_ratio("rate", window, "> 0"),
            {names.PROCESS: process.name, **identity, recorded.SLOTH_WINDOW: window},
        )
        for window in windows
    ]


def _period_rules(process: Process, slo: Slo, identity: dict[str, str], indicator: _Indicator) -> list[Recording]:
    period = format_duration(slo.period)
    period_ratio = f"{recorded.SLI_ERROR_RATIO}{period}"
    enough = _events_for_one(1 - slo.objective)
    shared = {names.PROCESS: process.name, **identity}
    budget = selector(recorded.SLO_ERROR_BUDGET, **identity)

    def burn_rate(ratio: str) -> str:
        on = f"{recorded.SLOTH_ID}, {recorded.SLOTH_SLO}, {recorded.SLOTH_SERVICE}"
        return f"{selector(ratio, **identity)}\n/ on ({on}) group_left\n{budget}"

    information = {
        "sloth_mode": "aiwatch",
        "sloth_objective": number(slo.objective * 100),
        "sloth_spec": "aiwatch",
        "sloth_version": "aiwatch",
    }
    return [
        Recording(
            period_ratio,
            indicator.error_ratio("increase", period, f">= {enough}"),
            {**shared, recorded.SLOTH_WINDOW: period},
        ),
        Recording(recorded.SLO_OBJECTIVE, f"vector({number(slo.objective)})", shared),
        Recording(recorded.SLO_ERROR_BUDGET, f"vector(1-{number(slo.objective)})", shared),
        Recording(recorded.SLO_PERIOD_DAYS, f"vector({number(slo.period / _DAY)})", shared),
        Recording(recorded.SLO_CURRENT_BURN_RATE, burn_rate(f"{recorded.SLI_ERROR_RATIO}5m"), shared),
        Recording(recorded.SLO_PERIOD_BURN_RATE, burn_rate(period_ratio), shared),
        Recording(
            recorded.SLO_BUDGET_REMAINING,
            f"1 - {selector(recorded.SLO_PERIOD_BURN_RATE, **identity)}",
            shared,
        ),
        Recording(recorded.SLO_INFO, "vector(1)", {**shared, **information}),
    ]


def _events_for_one(share: float) -> int:
    """Return of how many events a single one makes up at most ``share``.

    >>> _events_for_one(1 - 0.99), _events_for_one(0.144)
    (100, 7)
    """
    return math.ceil(round(1 / share, 6))


def _alert(
    framework: Framework,
    process: Process,
    slo: Slo,
    identity: dict[str, str],
    urgency: _Urgency,
    indicator: _Indicator,
) -> Alert:
    budget = 1 - slo.objective

    def burning(burn: _Burn) -> str:
        factor = burn.factor(slo)
        limit = f"({number(factor)} * {number(budget)})"
        short, long = (
            f"max({selector(recorded.SLI_ERROR_RATIO + window, **identity)} > {limit}) without (sloth_window)"
            for window in (burn.short, burn.long)
        )
        enough = f"sum(increase({indicator.total}[{burn.long}])) >= {_events_for_one(factor * budget)}"
        return f"(\n{indented(short)}\n  and\n{indented(long)}\n  and on ()\n{indented(enough)}\n)"

    bad = f"took longer than {format_duration(slo.threshold)}" if slo.threshold is not None else "failed"
    about = f" {literal(slo.description.strip())}" if slo.description else ""
    return Alert(
        alert=names.ALERT_SLO_BURN,
        expr=f"{burning(urgency.quick)}\nor\n{burning(urgency.slow)}",
        labels={
            **label_set(process, urgency.severity, "system_health"),
            **identity,
            recorded.SLOTH_SEVERITY: urgency.sloth,
        },
        annotations=annotation_set(
            framework,
            names.ALERT_SLO_BURN,
            f"the error budget of the objective {slo.name} burns too fast",
            f"{{{{ $value | humanizePercentage }}}} of the latest requests {bad}; the objective allows "
            f"{percent(budget)} over {format_duration(slo.period)}. At this speed the error budget does not "
            f"last.{about} Look first at latency and errors by model version, and at what changed when they rose.",
            process,
        ),
    )
