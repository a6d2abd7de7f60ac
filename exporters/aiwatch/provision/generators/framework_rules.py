"""The rules that watch aiwatch itself."""

from __future__ import annotations

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.kinds.options import Severity
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.provision import alert_labels
from aiwatch.provision.contracts import Tree
from aiwatch.provision.rules.alerts.condition import annotation_set, literal
from aiwatch.provision.rules.model import Alert, Group, render_groups
from aiwatch.provision.rules.promql import selector


def generate(catalogue: Catalogue) -> Tree:
    """Return ``prometheus/generated/rules/aiwatch.yml``."""
    framework = catalogue.framework
    rules = [_watchdog(framework), _exporter_down(framework)]
    if any(isinstance(process.options, PredictionOptions) for process in catalogue.processes):
        rules += [_drift_not_tested(framework), _response_not_done(framework)]
    return {"prometheus/generated/rules/aiwatch.yml": render_groups([Group("aiwatch", rules)])}


def _labels(severity: Severity) -> dict[str, str]:
    return {alert_labels.CATEGORY: "system_health", alert_labels.SEVERITY: severity}


def _watchdog(framework: Framework) -> Alert:
    return Alert(
        alert=names.ALERT_WATCHDOG,
        expr="vector(1)",
        labels=_labels("info"),
        annotations=annotation_set(
            framework,
            names.ALERT_WATCHDOG,
            "alerts are delivered",
            "This alert always fires: as long as it arrives, Prometheus, Alertmanager and the inbox reach each other. "
            "When it stops arriving, no other alert can be relied on.",
        ),
    )


def _exporter_down(framework: Framework) -> Alert:
    up = selector("up", job=names.JOB_EXPORTER)
    return Alert(
        alert=names.ALERT_EXPORTER_DOWN,
        expr=f"{up} == 0\nor\nabsent({up})",
        for_="2m",
        labels=_labels("critical"),
        annotations=annotation_set(
            framework,
            names.ALERT_EXPORTER_DOWN,
            "the exporter is down",
            "Prometheus has not reached the exporter for 2 minutes. No process is watched meanwhile; the logs keep "
            "what happens, and the exporter catches up when it is back. Look first at whether it runs, then at its "
            "own log.",
        ),
    )


def _drift_not_tested(framework: Framework) -> Alert:
    up = selector("up", job=names.JOB_DRIFT)
    ended = f"max by (process) ({names.DRIFT_WINDOW_END_TIMESTAMP_SECONDS})"
    length = f"max by (process) ({names.DRIFT_WINDOW_SECONDS})"
    return Alert(
        alert=names.ALERT_DRIFT_NOT_TESTED,
        expr=f"{up} == 0\nor\nabsent({up})\nor\ntime() - {ended} - on (process) {length} > 7200",
        for_="10m",
        labels=_labels("warning"),
        annotations=annotation_set(
            framework,
            names.ALERT_DRIFT_NOT_TESTED,
            "models are not tested for drift",
            "{{ with $labels.process }}The predictions of {{ . }} of the last hours{{ else }}The predictions of all "
            "models since the drift service stopped{{ end }} have not been compared with the baseline. Nothing is "
            "lost: all windows are tested once it works again, but until then no drift is reported. Look first at "
            "whether the service runs and reaches Elasticsearch, then at its own log.",
        ),
    )


def _response_not_done(framework: Framework) -> Alert:
    up = selector("up", job=names.JOB_RESPONDER)
    pending = f"max by (process, step) ({names.RESPONSE_PENDING_SECONDS})"
    inbox = literal(framework.endpoints.inbox.rstrip("/"))
    return Alert(
        alert=names.ALERT_RESPONSE_NOT_DONE,
        expr=f"{up} == 0\nor\nabsent({up})\nor\n{pending} > 600",
        for_="5m",
        labels=_labels("critical"),
        annotations=annotation_set(
            framework,
            names.ALERT_RESPONSE_NOT_DONE,
            "the response to drift is not done",
            "{{ with $labels.process }}The step {{ $labels.step }} of the response to the drift of {{ . }} has failed "
            "for {{ $value | humanizeDuration }}, and is tried again every few minutes. If that step is what pauses "
            "its retraining, the retraining may be running: pause it by hand now, where it is scheduled. Why it "
            "fails: "
            f"{inbox}/models/{{{{ . }}}}{{{{ else }}}}The responder is down: a model that drifts is not flagged, its "
            "retraining not paused, and no gate can be asked. Look first at whether it runs, then at its own log."
            "{{ end }}",
        ),
    )
