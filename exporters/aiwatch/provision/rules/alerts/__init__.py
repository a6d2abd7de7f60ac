"""The alerts of a process: which conditions stand behind each of the settings that `aiwatch.kinds` defines."""

from __future__ import annotations

from collections.abc import Mapping

from aiwatch.catalogue.model import Framework, Process
from aiwatch.kinds import chat, classifier, options, prediction
from aiwatch.kinds import drift as drift_settings
from aiwatch.kinds.options import AlertSettings, format_duration
from aiwatch.provision.rules.alerts import common, conversation, drift, model_output
from aiwatch.provision.rules.alerts.condition import Builder, Condition, annotation_set, label_set
from aiwatch.provision.rules.model import Alert

BUILDERS: Mapping[type[AlertSettings], tuple[Builder, ...]] = {
    options.ErrorRateHigh: (common.error_rate_high,),
    options.TrafficAbsent: (common.traffic_absent,),
    options.LogNotRead: (common.log_not_read,),
    options.RecordsRejected: (common.records_rejected,),
    chat.ConfidenceLow: (conversation.confidence_low,),
    chat.SatisfactionFalling: (conversation.satisfaction_falling,),
    chat.FallbackRateHigh: (conversation.fallback_rate_high,),
    classifier.DecisionRateChanged: (model_output.decision_rate_changed,),
    prediction.FeaturesMissing: (model_output.features_missing,),
    drift_settings.ModelDrift: (drift.score_drifts, drift.features_drift),
    drift_settings.DriftExpected: (drift.drift_expected,),
    drift_settings.BaselineStale: (drift.baseline_stale,),
    drift_settings.TrafficLow: (drift.traffic_low,),
}


def alerts(framework: Framework, process: Process) -> list[Alert]:
    """Return the alerts of a process that are enabled, in the order in which its kind declares them."""
    return [
        _alert(framework, process, settings, build(process, settings))
        for settings in process.options.alerts.settings().values()
        if settings.enabled
        for build in BUILDERS[type(settings)]
    ]


def _alert(framework: Framework, process: Process, settings: AlertSettings, condition: Condition) -> Alert:
    return Alert(
        alert=settings.alert,
        expr=condition.expr,
        for_=format_duration(settings.for_),
        keep_firing_for=condition.keep_firing_for,
        labels=label_set(process, condition.severity or settings.severity, condition.category),
        annotations=annotation_set(
            framework, settings.alert, condition.summary, condition.description, process, condition.report
        ),
    )
