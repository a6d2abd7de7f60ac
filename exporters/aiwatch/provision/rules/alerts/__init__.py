"""The alerts of a process: which condition stands behind each of the settings that `aiwatch.kinds` defines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiwatch.catalogue.model import Framework, Process
from aiwatch.kinds import chat, classifier, options, prediction
from aiwatch.kinds.options import AlertSettings, format_duration
from aiwatch.provision.rules.alerts import common, conversation, model_output
from aiwatch.provision.rules.alerts.condition import Builder, annotation_set, label_set
from aiwatch.provision.rules.model import Alert

BUILDERS: Mapping[type[AlertSettings], Builder] = {
    options.ErrorRateHigh: common.error_rate_high,
    options.TrafficAbsent: common.traffic_absent,
    options.LogNotRead: common.log_not_read,
    options.RecordsRejected: common.records_rejected,
    chat.ConfidenceLow: conversation.confidence_low,
    chat.SatisfactionFalling: conversation.satisfaction_falling,
    chat.FallbackRateHigh: conversation.fallback_rate_high,
    classifier.DecisionRateChanged: model_output.decision_rate_changed,
    prediction.FeaturesMissing: model_output.features_missing,
}


def alerts(framework: Framework, process: Process) -> list[Alert]:
    """Return the alerts of a process that are enabled, in the order in which its kind declares them."""
    settings = process.options.alerts.settings().values()
    return [_alert(framework, process, one) for one in settings if one.enabled]


def _alert(framework: Framework, process: Process, settings: Any) -> Alert:
    condition = BUILDERS[type(settings)](process, settings)
    return Alert(
        alert=settings.alert,
        expr=condition.expr,
        for_=format_duration(settings.for_),
        labels=label_set(process, settings.severity, condition.category),
        annotations=annotation_set(framework, settings.alert, condition.summary, condition.description, process),
    )
