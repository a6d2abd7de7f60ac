"""Panels of the page of every process: alerts, objectives, latency, errors, versions."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds.options import AlertSettings, format_duration
from aiwatch.provision import recorded
from aiwatch.provision.grafana_panels import promql
from aiwatch.provision.grafana_panels.charts import MEDIUM, bars, lines, stacked, values
from aiwatch.provision.grafana_panels.face import (
    GREEN,
    NEUTRAL,
    NO_DATA,
    ORANGE,
    QUIET,
    RED,
    Face,
    Step,
    bad_above,
)
from aiwatch.provision.grafana_panels.page import Cell, Section
from aiwatch.provision.grafana_panels.queries import now, over_time, rows
from aiwatch.provision.grafana_panels.tables import Column, rows_of

PERCENT = "percentunit"
SEVERITY_COLOURS = {"critical": RED, "warning": ORANGE, "info": "blue"}


@dataclass(frozen=True, slots=True)
class Scope:
    """How the series of a process are found: its name, and the versions that the page is narrowed down to."""

    process: Process

    @property
    def all(self) -> str:
        """Return matchers of every series of the process."""
        return promql.selector(self._process)

    def where(self, *matchers: str) -> str:
        """Return matchers of series of the chosen model versions; only for metrics with that label."""
        return promql.selector(self._process, f'{names.MODEL_VERSION}=~"$model_version"', *matchers)

    def every(self, *matchers: str) -> str:
        """Return matchers of series of the process whatever the model version."""
        return promql.selector(self._process, *matchers)

    @property
    def volume(self) -> str:
        """Return the series whose growth is the traffic of the chosen versions."""
        return f"{self.process.kind.volume}{self.where()}"

    @property
    def documents(self) -> str:
        """Return the Lucene query of every document of the process."""
        return f'{names.PROCESS}:"{self.process.name}"'

    @property
    def _process(self) -> str:
        return promql.equals(names.PROCESS, self.process.name)


def watched(settings: AlertSettings, text: str) -> str:
    """Return a sentence on the alert that watches what a panel shows; none when the alert is switched off.

    >>> from aiwatch.kinds.options import ErrorRateHigh
    >>> watched(ErrorRateHigh(), "above 5 %"), watched(ErrorRateHigh(enabled=False), "above 5 %")
    (' The alert ErrorRateHigh fires above 5 %.', '')
    """
    return f" The alert {settings.alert} fires {text}." if settings.enabled else ""


def show_percent(share: float) -> str:
    """Return a share as people write it.

    >>> show_percent(0.7), show_percent(0.005)
    ('70 %', '0.5 %')
    """
    return f"{100 * share:g} %"


def _latency_limits(process: Process) -> tuple[tuple[Step, ...], str]:
    thresholds = process.latency_thresholds
    if not thresholds:
        return NEUTRAL, ""
    limit = min(thresholds)
    return bad_above(limit), f" The threshold is that of the latency SLO: {format_duration(limit)}."


def latency(scope: Scope) -> dashboard.Panel:
    """Show percentiles of the latency over time, with exemplars."""
    steps, note = _latency_limits(scope.process)
    face = Face(
        "Latency percentiles",
        "How long half, 95 % and 99 % of the requests took at most. Dots are single requests with a trace." + note,
        "s",
        steps,
        colours={"p50": GREEN, "p95": ORANGE, "p99": RED},
    )
    queries = [
        over_time(
            promql.quantile(rank, names.LATENCY_SECONDS, scope.where(), promql.RATE),
            name,
            exemplars=rank == 0.99,
        )
        for rank, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ]
    return lines(face, *queries, limits=bool(scope.process.latency_thresholds))


def latency_now(scope: Scope) -> dashboard.Panel:
    """Show the 95th percentile of the latency as one number."""
    steps, note = _latency_limits(scope.process)
    face = Face(
        "Latency, 95 % below",
        "95 % of the requests of this period took at most this long." + note,
        "s",
        steps,
    )
    return values(face, now(promql.quantile(0.95, names.LATENCY_SECONDS, scope.where(), promql.RANGE), "p95"))


def errors(scope: Scope) -> dashboard.Panel:
    """Show the share of failed requests over time."""
    settings = scope.process.options.alerts.error_rate_high
    face = Face(
        "Share of failed requests",
        "Failed requests per request." + watched(settings, f"above {show_percent(settings.threshold)} over 5 minutes"),
        PERCENT,
        bad_above(settings.threshold),
        bounds=(0, None),
        colours={"failed": RED},
    )
    failed = promql.share_of_events(f"{names.ERRORS_TOTAL}{scope.where()}", scope.volume, promql.RATE)
    return lines(face, over_time(failed, "failed"), limits=True)


def errors_now(scope: Scope) -> dashboard.Panel:
    """Show the share of failed requests as one number."""
    settings = scope.process.options.alerts.error_rate_high
    face = Face(
        "Failed requests",
        "Share of the requests of this period that failed; red above the threshold of the alert "
        f"{settings.alert}, {show_percent(settings.threshold)}.",
        PERCENT,
        bad_above(settings.threshold),
    )
    failed = promql.share_of_events(f"{names.ERRORS_TOTAL}{scope.where()}", scope.volume, promql.RANGE)
    return values(face, now(failed, "failed"))


def firing_series(scope: Scope) -> str:
    """Return the series of the process's alerts that are firing."""
    return f"ALERTS{scope.every(promql.equals('alertstate', 'firing'))}"


def firing(scope: Scope) -> dashboard.Panel:
    """Show how many alerts of the process are firing."""
    face = Face(
        "Firing alerts",
        "Alerts of this process that fire now.",
        "short",
        bad_above(1),
        decimals=0,
        no_value=NO_DATA,
    )
    return values(face, now(f"sum({firing_series(scope)}) or vector(0)", "firing"))


def alerts(scope: Scope) -> dashboard.Panel:
    """List the alerts of the process that are firing or pending."""
    face = Face(
        "Active alerts",
        "Alerts of this process that fire, or will fire when their condition holds on (pending).",
        "short",
        no_value=f"{QUIET}: no alert is firing or pending",
    )
    since = (
        f"1000 * max by (alertname, severity, alertstate) (ALERTS{scope.all}"
        f" * ignoring (alertstate) group_left () ALERTS_FOR_STATE{scope.all})"
    )
    table = [
        Column("alertname", "Alert"),
        Column("severity", "Severity", 100, colours=SEVERITY_COLOURS),
        Column("alertstate", "State", 100, colours={"firing": RED, "pending": ORANGE}),
        Column("Value", "Since", 160, unit="dateTimeFromNow"),
    ]
    return rows_of(face, [rows(since)], table, sort=("State", False))


def budget(scope: Scope) -> dashboard.Panel:
    """Show what is left of the error budget of every SLO."""
    face = Face(
        "Error budget left",
        "Share of the failures that the SLO allows in its period that is still to spend, per SLO: "
        + "; ".join(
            f"{slo.name} {show_percent(slo.objective)} over {format_duration(slo.period)}" for slo in scope.process.slos
        )
        + ". Below zero the objective is missed.",
        PERCENT,
        ((None, RED), (0, ORANGE), (0.25, GREEN)),
        decimals=1,
    )
    left = f"min by ({recorded.SLOTH_SLO}) ({recorded.SLO_BUDGET_REMAINING}{_slo(scope)})"
    return values(face, now(left, f"{{{{{recorded.SLOTH_SLO}}}}}"), named=True)


def burn(scope: Scope) -> dashboard.Panel:
    """Show how fast the error budget of every SLO is being spent."""
    face = Face(
        "Error budget burn rate",
        "How many times faster than the SLO allows the budget is spent now: at 1 it lasts just for the period, "
        f"at 14.4 a month's budget is gone in two days. The alert {names.ALERT_SLO_BURN} watches it.",
        "suffix: x",
        ((None, GREEN), (1, ORANGE), (14.4, RED)),
        bounds=(0, None),
        decimals=2,
    )
    series = f"max by ({recorded.SLOTH_SLO}) ({recorded.SLO_CURRENT_BURN_RATE}{_slo(scope)})"
    return lines(face, over_time(series, f"{{{{{recorded.SLOTH_SLO}}}}}"), limits=True)


def _slo(scope: Scope) -> str:
    return promql.selector(promql.equals(recorded.SLOTH_SERVICE, scope.process.name))


def traffic_by_version(scope: Scope, what: str) -> dashboard.Panel:
    """Show the traffic of every model version; ``what`` is counted, such as `Interactions`."""
    face = Face(f"{what} by model version", f"{what} per minute of every model version.", "suffix:/min")
    per_minute = promql.rate(scope.volume, [names.MODEL_VERSION], 60)
    return stacked(face, over_time(per_minute, "{{model_version}}"))


def latency_by_version(scope: Scope) -> dashboard.Panel:
    """Show the 95th percentile of the latency of every model version."""
    steps, note = _latency_limits(scope.process)
    face = Face(
        "Latency by model version",
        "95 % of the requests to a version took at most this long." + note,
        "s",
        steps,
    )
    p95 = promql.quantile(0.95, names.LATENCY_SECONDS, scope.where(), promql.RATE, [names.MODEL_VERSION])
    panel = lines(face, over_time(p95, "{{model_version}}"), step=MEDIUM, limits=bool(scope.process.latency_thresholds))
    return panel


def ranked(face: Face, series: str, label: str, most: int) -> dashboard.Panel:
    """Show the ``most`` frequent values of a label as shares of all events of the period, largest first."""
    part = promql.increase(series, promql.RANGE, [label])
    share = f"topk({most}, {part} / ignoring ({label}) group_left () ({promql.increase(series)} > 0))"
    return bars(face, now(share, f"{{{{{label}}}}}"))


def objectives(scope: Scope) -> Section:
    """Return the alerts of the process, and its SLOs when it has some."""
    if not scope.process.slos:
        return Section("Alerts", (Cell(alerts(scope), 24, 7),))
    return Section(
        "Alerts and objectives",
        (Cell(alerts(scope), 10, 7), Cell(budget(scope), 6, 7), Cell(burn(scope), 8, 7)),
    )


def speed(scope: Scope) -> Section:
    """Return latency and errors over time."""
    return Section("Latency and errors", (Cell(latency(scope), 12), Cell(errors(scope), 12)))
