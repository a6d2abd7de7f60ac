"""The Grafana page of all processes: how each one does, which alerts fire, and whether aiwatch itself is well."""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from aiwatch import names
from aiwatch.catalogue.model import Catalogue
from aiwatch.kinds import KINDS
from aiwatch.kinds.options import LogNotRead, format_duration
from aiwatch.provision import recorded
from aiwatch.provision.contracts import Tree
from aiwatch.provision.grafana_panels import promql
from aiwatch.provision.grafana_panels.charts import MEDIUM, columns, lines, stacked, values
from aiwatch.provision.grafana_panels.datasources import PROMETHEUS
from aiwatch.provision.grafana_panels.face import (
    BLUE,
    GREEN,
    ORANGE,
    QUIET,
    RED,
    Face,
    bad_above,
    bad_below,
)
from aiwatch.provision.grafana_panels.page import (
    Cell,
    Page,
    Section,
    choice,
    neighbours,
    render,
)
from aiwatch.provision.grafana_panels.process_panels import PERCENT, SEVERITY_COLOURS
from aiwatch.provision.grafana_panels.queries import Metrics, now, over_time, rows
from aiwatch.provision.grafana_panels.tables import Column, rows_of
from aiwatch.provision.uids import OVERVIEW_UID, dashboard_uid

INFO = f'{names.PROCESS_INFO}{{business_unit=~"$business_unit",tier=~"$tier"}}'
VOLUMES = tuple(dict.fromkeys(kind.volume for kind in KINDS))


def generate(catalogue: Catalogue) -> Tree:
    """Return the overview page."""
    return render(
        Page(
            uid=OVERVIEW_UID,
            title="All AI processes",
            description="How every watched process does, which alerts fire, and whether aiwatch itself is well.",
            tags=(),
            period="24h",
            sources=(PROMETHEUS,),
            variables=(
                choice("business_unit", "Business unit", "Whose processes are shown.", names.PROCESS_INFO),
                choice("tier", "Tier", "How critical the processes are, 1 to 3.", names.PROCESS_INFO),
            ),
            alerts=_firing(),
            links=neighbours(catalogue),
            sections=(_summary(catalogue), _traffic(), _exporter(catalogue)),
        )
    )


def _firing(*matchers: str) -> str:
    watchdog = f'alertname!="{names.ALERT_WATCHDOG}"'
    return f"ALERTS{promql.selector(promql.equals('alertstate', 'firing'), watchdog, *matchers)}"


def _among(expr: str) -> str:
    """Return an expression by process, for the processes chosen at the top of the page."""
    return f"{expr} and on ({names.PROCESS}) {INFO}"


def _volume(window: str, operator: str = "increase") -> str:
    """Return the traffic of every process, whatever its kind counts."""
    return " or ".join(promql.total(operator, volume, window, [names.PROCESS]) for volume in VOLUMES)


def _summary(catalogue: Catalogue) -> Section:
    watched = Face("Processes", "How many processes the exporter watches, of those chosen above.", "short", decimals=0)
    severities = Face(
        "Firing alerts by severity",
        "Alerts that fire now, of all processes and of aiwatch itself.",
        "short",
        ((None, GREEN), (1, RED)),
        decimals=0,
    )
    alerts = Face(
        "Active alerts",
        "Alerts of all processes and of aiwatch itself that fire, or will fire when their condition holds on.",
        "short",
        no_value=f"{QUIET}: no alert is firing or pending",
    )
    own = promql.selector(f'alertname!="{names.ALERT_WATCHDOG}"')
    since = (
        f"1000 * max by (alertname, {names.PROCESS}, severity, alertstate) (ALERTS{own}"
        " * ignoring (alertstate) group_left () ALERTS_FOR_STATE)"
    )
    counts = [
        now(f"sum({_firing(promql.equals('severity', severity))}) or vector(0)", severity)
        for severity in SEVERITY_COLOURS
    ]
    return Section(
        "",
        (
            Cell(_table(catalogue), 24, 9),
            Cell(values(watched, now(f"count(max by ({names.PROCESS}) ({INFO}))", "processes")), 4, 7),
            Cell(values(severities, *counts, named=True), 8, 7),
            Cell(
                rows_of(
                    alerts,
                    [rows(since)],
                    [
                        Column("alertname", "Alert"),
                        Column(names.PROCESS, "Process"),
                        Column("severity", "Severity", 100, colours=SEVERITY_COLOURS),
                        Column("alertstate", "State", 100, colours={"firing": RED, "pending": ORANGE}),
                        Column("Value", "Since", 140, unit="dateTimeFromNow"),
                    ],
                    sort=("State", False),
                ),
                12,
                7,
            ),
        ),
    )


def _identity(catalogue: Catalogue) -> str:
    """Return the series that say what a process is, with the uid of its page in the label `dashboard`."""
    prefix = names.INDEX_PREFIX
    labelled = f'label_replace({INFO}, "dashboard", "{prefix}$1", "{names.PROCESS}", "(.+)")'
    for process in catalogue.processes:
        uid = dashboard_uid(process.name)
        if uid != f"{prefix}{process.name}":  # cut, because it would be too long
            labelled = f'label_replace({labelled}, "dashboard", "{uid}", "{names.PROCESS}", "{process.name}")'
    return f"max by ({names.PROCESS}, title, kind, business_unit, tier, dashboard) ({labelled})"


def _table(catalogue: Catalogue) -> dashboard.Panel:
    face = Face(
        "How every process does",
        "Every process in this period; a click on its title leads to its page. Confidence and satisfaction are those "
        "of chatbots. The error budget is the smallest of the process's SLOs.",
        "short",
    )
    by = [names.PROCESS]
    volume = _volume(promql.RANGE)
    failed = promql.increase(names.ERRORS_TOTAL, by=by)
    liked = promql.increase(f"{names.FEEDBACK_TOTAL}{promql.selector(promql.equals(names.RATING, 'up'))}", by=by)
    firing = f"sum by ({names.PROCESS}) ({_firing()}) or 0 * max by ({names.PROCESS}) ({INFO})"
    latency = promql.quantile(0.95, names.LATENCY_SECONDS, "", promql.RANGE, by)
    budget = (
        f'label_replace({recorded.SLO_BUDGET_REMAINING}, "{names.PROCESS}", "$1", "{recorded.SLOTH_SERVICE}", "(.+)")'
    )
    left = f"min by ({names.PROCESS}) ({budget})"
    newest = f"1000 * max by ({names.PROCESS}) ({names.LAST_EVENT_TIMESTAMP_SECONDS})"
    measures = (
        (firing, Column("", "Firing alerts", 110, "short", bad_above(1), decimals=0)),
        (volume, Column("", "Requests", 100, "short", decimals=0)),
        (promql.ratio(failed, f"({volume})"), Column("", "Failed", 90, PERCENT, decimals=2)),
        (latency, Column("", "Latency, 95 % below", 150, "s")),
        (
            promql.mean(names.CONFIDENCE_RATIO, "", promql.RANGE, by),
            Column("", "Average confidence", 150, PERCENT, decimals=1),
        ),
        (
            promql.ratio(liked, promql.increase(names.FEEDBACK_TOTAL, by=by)),
            Column("", "Satisfaction", 110, PERCENT, decimals=1),
        ),
        (
            left,
            Column("", "Error budget left", 140, PERCENT, ((None, RED), (0, ORANGE), (0.25, GREEN)), decimals=0),
        ),
        (newest, Column("", "Newest event", 150, "dateTimeFromNow")),
    )
    queries: list[Metrics] = [
        rows(_identity(catalogue)),
        *(rows(_among(f"({expr})")) for expr, _ in measures),
    ]
    page = "/d/${__data.fields.dashboard}?${__url_time_range}"
    identity = [
        Column("title", "Process", link=(page, "Open the page of this process")),
        Column("kind", "Kind", 100),
        Column("business_unit", "Business unit", 150),
        Column("tier", "Tier", 60),
    ]
    # Grafana names the values of the queries of one panel by the letter of the query.
    numbers = [replace(look, name=f"Value #{chr(ord('B') + place)}") for place, (_, look) in enumerate(measures)]
    hidden = [Column("dashboard", "dashboard", hidden=True)]
    return rows_of(face, queries, [*identity, *numbers, *hidden], sort=("Firing alerts", True), join=names.PROCESS)


def _traffic() -> Section:
    requests = Face("Requests by process", "Requests per minute of the processes chosen above.", "suffix:/min")
    failed = Face("Failed requests by process", "Share of the requests that failed.", PERCENT, bounds=(0, None))
    per_minute = " or ".join(promql.rate(volume, [names.PROCESS], 60) for volume in VOLUMES)
    errors = promql.total("increase", names.ERRORS_TOTAL, promql.RATE, [names.PROCESS])
    share = promql.ratio(errors, f"({_volume(promql.RATE)})")
    return Section(
        "Traffic",
        (
            Cell(stacked(requests, over_time(_among(f"({per_minute})"), "{{process}}")), 12),
            Cell(lines(failed, over_time(_among(f"({share})"), "{{process}}"), step=MEDIUM), 12),
        ),
    )


def _exporter(catalogue: Catalogue) -> Section:
    limits = [process.options.alerts.log_not_read.threshold for process in catalogue.processes]
    limit = min(limits, default=300.0)
    job = promql.selector(promql.equals("job", names.JOB_EXPORTER))
    up = Face(
        "Exporter",
        "Whether the exporter runs and can deliver what it reads.",
        "short",
        bad_below(1),
        no_value="Not scraped",
        words={"0": "Down", "1": "Up"},
    )
    commit = Face(
        "Last commit",
        "Time since the exporter last delivered and committed records.",
        "s",
        bad_above(limit),
        decimals=0,
    )
    waiting = Face("Unread", "Bytes of log that wait to be read.", "bytes", decimals=1)
    told = Face("Notifications received", "Notifications of alerts that reached the inbox in this period.", "short")
    lag = Face(
        "Age of the oldest unread line",
        "How long a line has been waiting to be read and delivered; 0 when all is read. "
        f"The alert {LogNotRead.alert} fires above {format_duration(limit)} (the strictest process).",
        "s",
        bad_above(limit),
        bounds=(0, None),
    )
    accepted = Face("Records accepted", "Records per minute that became documents and metrics.", "suffix:/min")
    rejected = Face(
        "Records rejected and duplicates",
        "Lines that went to the dead letters, by reason, and events that were there already, per step.",
        "short",
        decimals=0,
        colours={"duplicate": BLUE},
        no_value=f"{QUIET}: nothing was rejected in this period",
    )
    refused = promql.increase(names.RECORDS_REJECTED_TOTAL, promql.RATE, [names.REASON])
    doubled = promql.increase(names.RECORDS_DUPLICATE_TOTAL, promql.RATE)
    by_process = [names.PROCESS]
    return Section(
        "aiwatch itself",
        (
            Cell(values(up, now(f"min({names.UP}) or min(up{job})", "exporter")), 6, 4),
            Cell(values(commit, now(f"time() - max({names.LAST_COMMIT_TIMESTAMP_SECONDS})", "commit")), 6, 4),
            Cell(values(waiting, now(f"sum({names.LAG_BYTES})", "unread")), 6, 4),
            Cell(values(told, now(promql.increase(names.NOTIFICATIONS_TOTAL), "notifications")), 6, 4),
            Cell(
                lines(lag, over_time(f"max by (process) ({names.LAG_SECONDS})", "{{process}}"), limits=True),
                8,
            ),
            Cell(
                stacked(accepted, over_time(promql.rate(names.RECORDS_TOTAL, by_process, 60), "{{process}}")),
                8,
            ),
            Cell(
                columns(rejected, over_time(refused, "{{reason}}"), over_time(doubled, "duplicate"), step=MEDIUM),
                8,
            ),
        ),
    )
