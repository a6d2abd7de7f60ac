"""What one alert says, and the labels and annotations that all alerts have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiwatch import names
from aiwatch.catalogue.model import Framework, Process
from aiwatch.kinds.options import Severity
from aiwatch.provision import alert_labels
from aiwatch.provision.uids import OVERVIEW_UID, dashboard_uid

Category = Literal["system_health", "model_performance", "business_impact", "fairness"]


@dataclass(frozen=True, slots=True)
class Condition:
    """When an alert fires (``expr``) and how it is told.

    ``summary`` is what happens, without numbers and without the process; ``description`` may use Prometheus's
    templates: what was measured, against which threshold, what it means and what to look at first. ``report`` is
    a template of the id of a report, if there is one; ``severity`` is given where it is not that of the settings;
    ``keep_firing_for`` is a duration as Prometheus writes it.
    """

    category: Category
    expr: str
    summary: str
    description: str
    report: str = ""
    severity: Severity | None = None
    keep_firing_for: str = "0s"


Builder = Callable[[Process, Any], Condition]
"""Process and settings of the alert -> a condition under which it fires."""


def label_set(process: Process, severity: Severity, category: Category) -> dict[str, str]:
    """Return the labels that route and group an alert of a process."""
    return {
        names.PROCESS: process.name,
        alert_labels.BUSINESS_UNIT: process.file.business_unit,
        alert_labels.CATEGORY: category,
        alert_labels.SEVERITY: severity,
    }


def annotation_set(
    framework: Framework, alert: str, summary: str, description: str, process: Process | None = None, report: str = ""
) -> dict[str, str]:
    """Return what a person reads; ``process`` is None for what concerns aiwatch itself.

    ``report`` is a template of the id of a report.
    """
    endpoints = framework.endpoints
    inbox = literal(endpoints.inbox.rstrip("/"))
    uid = dashboard_uid(process.name) if process else OVERVIEW_UID
    return {
        "summary": f"{literal(process.title)}: {summary}" if process else summary,
        "description": description,
        **({"owner": literal(process.file.owner)} if process else {}),
        **({"report_url": f"{inbox}/reports/{report}"} if report else {}),
        "runbook_url": f"{inbox}/runbooks/{alert}",
        "dashboard_url": f"{literal(endpoints.grafana.rstrip('/'))}/d/{uid}",
    }


def literal(text: str) -> str:
    """Return what users wrote so that Prometheus's templates leave it as it is.

    >>> literal("100 % {{sure}}")
    '100 % {{"{{"}}sure}}'
    """
    return text.replace("{{", '{{"{{"}}')


def percent(share: float) -> str:
    """Return a ratio for people, as Prometheus's `humanizePercentage` writes it.

    >>> percent(0.7), percent(0.005)
    ('70%', '0.5%')
    """
    return f"{share * 100:.6g}%"
