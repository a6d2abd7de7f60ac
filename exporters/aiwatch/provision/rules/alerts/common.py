"""The alerts that every kind of process has."""

from __future__ import annotations

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds import options
from aiwatch.kinds.options import format_duration
from aiwatch.provision.rules.alerts.condition import Condition, percent
from aiwatch.provision.rules.promql import increase, indented, number, ratio, selector
from aiwatch.provision.rules.recordings import FIVE_MINUTES, over_weeks

_FIFTEEN_MINUTES = 900.0


def error_rate_high(process: Process, settings: options.ErrorRateHigh) -> Condition:
    """Fire when too many requests fail."""
    errors = increase(selector(names.ERRORS_TOTAL, process=process.name), FIVE_MINUTES)
    traffic = increase(selector(process.kind.volume, process=process.name), FIVE_MINUTES)
    return Condition(
        category="system_health",
        expr=f"{ratio(errors, f'({traffic} >= {settings.min_requests})')}\n> {number(settings.threshold)}",
        summary="many requests fail",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of the requests of the last 5 minutes failed; "
            f"at most {percent(settings.threshold)} is normal. Users are affected now. "
            "Look first at what changed: a deployment, a model version, a service that it depends on."
        ),
    )


def traffic_absent(process: Process, settings: options.TrafficAbsent) -> Condition:
    """Fire when no request arrives though some usually do; the value is how many usually do.

    Only while the exporter reads this process's log and has done so since before the window, and while no line
    waits there: otherwise it is the reading that stands still (`ExporterDown`, `LogNotRead`), not the process.
    """
    traffic = selector(process.kind.volume, process=process.name)
    info = selector(names.PROCESS_INFO, process=process.name)
    lag = selector(names.LAG_SECONDS, process=process.name)
    window = format_duration(settings.window)
    return Condition(
        category="system_health",
        expr=(
            f"avg by (process) (\n{indented(over_weeks(traffic, settings.window))}\n) >= {settings.min_requests}\n"
            f"unless on (process) {increase(traffic, settings.window)} > 0\n"
            f"unless on (process) {lag} > 0\n"
            f"and on (process) {info}\n"
            f"and on (process) {info} offset {window}"
        ),
        summary="no traffic",
        description=(
            f"No request within the last {window}; in the same hours of the last weeks there were "
            f"{{{{ $value | humanize }}}} on average. Nobody reaches the process, or it no longer writes its log. "
            "Look first at whether it runs, and at the time of the newest line in its log."
        ),
    )


def log_not_read(process: Process, settings: options.LogNotRead) -> Condition:
    """Fire when lines wait in the log."""
    lag = selector(names.LAG_SECONDS, process=process.name)
    return Condition(
        category="system_health",
        expr=f"max by (process) ({lag}) > {number(settings.threshold)}",
        summary="the log is not being read",
        description=(
            "The oldest line that waits to be delivered has waited for {{ $value | humanizeDuration }}; "
            f"at most {format_duration(settings.threshold)} is normal. Metrics, documents and alerts of this process "
            "lag behind by as much; nothing is lost. Look first at whether Elasticsearch accepts documents "
            f"({names.SINK_RETRIES_TOTAL}), then at the exporter's own log."
        ),
    )


def records_rejected(process: Process, settings: options.RecordsRejected) -> Condition:
    """Fire when lines go to the dead letters."""
    rejected = increase(selector(names.RECORDS_REJECTED_TOTAL, process=process.name), _FIFTEEN_MINUTES)
    lines = increase(selector(names.LINES_READ_TOTAL, process=process.name), _FIFTEEN_MINUTES)
    allowed = f"at most {percent(settings.threshold)} is normal" if settings.threshold else "none should"
    return Condition(
        category="system_health",
        expr=f"{ratio(rejected, f'({lines} > 0)')}\n> {number(settings.threshold)}",
        summary="log lines are rejected",
        description=(
            "{{ $value | humanizePercentage }} of the lines of the last 15 minutes could not be understood or stored; "
            f"{allowed}. They are kept with their reason in the dead letters, and missing in metrics and documents. "
            f"Look first at the reasons: sum by (reason) (increase({names.RECORDS_REJECTED_TOTAL}[15m]))."
        ),
    )
