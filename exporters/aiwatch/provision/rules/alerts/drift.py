"""The alerts about drift. What is in them was found, and written down as a report, before they fire."""

from __future__ import annotations

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds import drift
from aiwatch.kinds.options import format_duration
from aiwatch.provision.rules.alerts.condition import Condition, percent
from aiwatch.provision.rules.promql import indented, number, selector

_SETTLED = 300  # seconds after its end within which a window is not tested
_KEPT = "15m"  # an alert outlives a restart of the service, which is silent meanwhile


def score_drifts(process: Process, settings: drift.ModelDrift) -> Condition:
    """Fire when the score drifts, or what it should foretell."""
    return Condition(
        category="model_performance",
        expr=f"{_largest_effect(process)}\nand on (process) (\n{indented(_grave(process))}\n)",
        summary="the score drifts, or what it foretells",
        description=(
            "The predictions are no longer like those that the model was trained on, and the output itself is "
            f"concerned; decisions made by it may be wrong. {_found(process)}"
        ),
        report=_report(process),
        keep_firing_for=_KEPT,
    )


def features_drift(process: Process, settings: drift.ModelDrift) -> Condition:
    """Fire when features drift, and the score does not."""
    return Condition(
        category="model_performance",
        expr=f"{_largest_effect(process)}\nunless on (process) (\n{indented(_grave(process))}\n)",
        summary="features drift, the score does not yet",
        description=(
            "The model is given something else than it was trained on; its score has not moved so far. "
            f"{_found(process)}"
        ),
        report=_report(process),
        severity="info" if settings.severity == "info" else "warning",
        keep_firing_for=_KEPT,
    )


def drift_expected(process: Process, settings: drift.DriftExpected) -> Condition:
    """Fire for each feature that moves steadily towards the limit, and has not reached it."""
    expected = f"min by (process, feature) ({selector(names.DRIFT_EXPECTED_SECONDS, process=process.name)})"
    return Condition(
        category="model_performance",
        expr=f"{expected}\n< {number(settings.within)}\nunless on (process, feature)\n{_drifting(process)}",
        summary="a feature moves steadily away from the baseline",
        description=(
            "The feature {{ $labels.feature }} moves so steadily that it is expected to have drifted in "
            f"{{{{ $value | humanizeDuration }}}}; {format_duration(settings.within)} is the limit. There is time to "
            "find out why, and to train on newer data before the model suffers."
        ),
        keep_firing_for=_KEPT,
    )


def baseline_stale(process: Process, settings: drift.BaselineStale) -> Condition:
    """Fire when the baseline is older than it should get."""
    made = f"max by (process) ({selector(names.BASELINE_TIMESTAMP_SECONDS, process=process.name)})"
    oldest = f"max by (process) ({selector(names.BASELINE_MAX_AGE_SECONDS, process=process.name)})"
    return Condition(
        category="model_performance",
        expr=f"time() - {made}\n> on (process)\n{oldest}",
        summary="the baseline is old",
        description=(
            "The baseline was made {{ $value | humanizeDuration }} ago. The world has moved since, and what is "
            f"reported as drift, or is not, says less. Make it again of the present training period: aiwatch baseline "
            f"{process.name} --from FILE..."
        ),
        keep_firing_for=_KEPT,
    )


def traffic_low(process: Process, settings: drift.TrafficLow) -> Condition:
    """Fire when windows lack predictions that are usual; the value is the share that came.

    Not while the exporter is down, or is so late that a closed window may lack what waits in the log.
    """
    rows, usual = (
        f"max by (process) ({selector(metric, process=process.name)})"
        for metric in (names.DRIFT_WINDOW_ROWS, names.DRIFT_WINDOW_USUAL_ROWS)
    )
    return Condition(
        category="system_health",
        expr=(
            f"{rows} / {usual}\n< {number(settings.threshold)}\n"
            f"and on (process) {usual} >= {settings.min_predictions}\n"
            f"unless on (process) {selector(names.LAG_SECONDS, process=process.name)} > {_SETTLED}\n"
            f"and on (process) {selector(names.PROCESS_INFO, process=process.name)}"
        ),
        summary="much less traffic than usual",
        description=(
            "The newest window has {{ $value | humanizePercentage }} of the predictions that are usual for its hours "
            f"of the week, and for {format_duration(settings.for_)} it was less than {percent(settings.threshold)}. A "
            "part of the callers does not reach the model, or a part of the log is not written; a test for drift says "
            "nothing of predictions that are not there. Look first at which part is missing: a caller, a region, one "
            "of several machines."
        ),
        keep_firing_for=_KEPT,
    )


def _drifting(process: Process) -> str:
    return f"{selector(names.DRIFT_DETECTED, process=process.name)} == 1"


def _grave(process: Process) -> str:
    """Return what is there while the score drifts, or what it foretells."""
    of_score, of_value = (
        f"{selector(names.DRIFT_DETECTED, process=process.name, feature=feature)} == 1"
        for feature in (names.SCORE, names.VALUE)
    )
    output = of_score if process.kind.name == "classifier" else of_value
    return f"{output}\nor\n{selector(names.DRIFT_CAUSE_INFO, process=process.name, cause='concept')} == 1"


def _largest_effect(process: Process) -> str:
    effects = selector(names.DRIFT_EFFECT_RATIO, process=process.name)
    return f"max by (process) (\n{indented(effects)}\n  and on (process, feature)\n{indented(_drifting(process))}\n)"


def _found(process: Process) -> str:
    """Return a template for what was found: features, cause and evidence, as the metrics say when it fires.

    Each is said once, also where two services test the same process.
    """
    of = f"{{process='{process.name}'}}"
    effects = f"max by (process, feature) ({names.DRIFT_EFFECT_RATIO}{of})"
    drifting = f"{effects} and on (process, feature) {names.DRIFT_DETECTED}{of} == 1"
    evidence = f"max by ({names.LINE}, {names.TEXT}) ({names.DRIFT_EVIDENCE_INFO}{of})"
    return (
        "{{ $value | humanize }} times the change that matters, at most. Drifting: "
        f'{{{{ range $place, $found := query "sort_desc(topk(3, {drifting}))" }}}}'
        "{{ if $place }}, {{ end }}"
        f"{{{{ .Labels.{names.FEATURE} }}}} ({{{{ .Value | humanize }}}} times what matters){{{{ end }}}}."
        f'{{{{ with query "{names.DRIFT_CAUSE_INFO}{of}" }}}}'
        f' Likely cause: {{{{ . | first | label "{names.CAUSE}" }}}}.{{{{ end }}}}'
        f'{{{{ range query "{evidence}" | sortByLabel "{names.LINE}" }}}}'
        f"\n- {{{{ .Labels.{names.TEXT} }}}}{{{{ end }}}}"
    )


def _report(process: Process) -> str:
    """Return a template for the report's id."""
    query = f"{names.DRIFT_REPORT_INFO}{{process='{process.name}'}}"
    return f'{{{{ with query "{query}" }}}}{{{{ . | first | label "{names.REPORT}" }}}}{{{{ end }}}}'
