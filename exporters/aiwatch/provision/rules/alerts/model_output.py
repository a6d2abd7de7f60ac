"""The alerts of models: what they decide, and what they are given."""

from __future__ import annotations

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds import classifier, prediction
from aiwatch.kinds.options import format_duration
from aiwatch.provision import recorded
from aiwatch.provision.rules.alerts.condition import Condition, percent
from aiwatch.provision.rules.promql import increase, number, ratio, selector

_FIFTEEN_MINUTES = 900.0
_CHANCE = 4  # standard deviations that a share must move by, so that few predictions are no alarm


def decision_rate_changed(process: Process, settings: classifier.DecisionRateChanged) -> Condition:
    """Fire for each decision whose share moved: by a factor, in absolute terms, and by more than chance."""
    now = selector(recorded.DECISION_RATIO, process=process.name)
    usual = selector(recorded.DECISION_USUAL_RATIO, process=process.name)
    predictions = increase(selector(names.PREDICTIONS_TOTAL, process=process.name), settings.window)
    factor = number(settings.factor)
    variance = f"({now} * (1 - {now}) + {usual} * (1 - {usual})) / on (process) group_left () {predictions}"
    return Condition(
        category="model_performance",
        expr=(
            f"{now}\n"
            f"and ({now} > {factor} * {usual} or {now} * {factor} < {usual})\n"
            f"and abs({now} - {usual}) >= {number(settings.min_change)}\n"
            f"and abs({now} - {usual})\n"
            f"  > {_CHANCE} * sqrt({variance})\n"
            f"and on (process) {predictions} >= {settings.min_predictions}"
        ),
        summary="the share of a decision changed",
        description=(
            "{{ $value | humanizePercentage }} of the predictions of the last "
            f"{format_duration(settings.window)} were decided as {{{{ $labels.decision }}}}"
            f"{{{{ with printf \"{recorded.DECISION_USUAL_RATIO}{{process='{process.name}',decision=%q}}\" "
            "$labels.decision | query }}, usually {{ . | first | value | humanizePercentage }}{{ end }}; a change by a "
            f"factor of {factor} is the limit. Either the cases changed (an attack, a campaign) or the model's inputs "
            "did. Look first at the features that are missing or invalid, then at the score and the model version."
        ),
    )


def features_missing(process: Process, settings: prediction.FeaturesMissing) -> Condition:
    """Fire for each feature that many predictions lack."""
    missing = increase(
        selector(names.FEATURES_MISSING_TOTAL, process=process.name),
        _FIFTEEN_MINUTES,
        by=(names.PROCESS, names.FEATURE),
    )
    predictions = increase(selector(process.kind.volume, process=process.name), _FIFTEEN_MINUTES)
    enough = f"on (process) group_left () ({predictions} >= {settings.min_predictions})"
    return Condition(
        category="model_performance",
        expr=f"{ratio(missing, enough)}\n> {number(settings.threshold)}",
        summary="a feature is often missing",
        description=(
            "{{ $value | humanizePercentage }} of the predictions of the last 15 minutes lack the feature "
            f"{{{{ $labels.feature }}}}; at most {percent(settings.threshold)} is normal. The model decides with less "
            "than it was trained on. Look first at where the feature comes from: a data pipeline, a feature store, a "
            "changed client."
        ),
    )
