"""Panels on drift: what the last window said, which features moved and when, the likely cause, and the response."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from aiwatch import names
from aiwatch.kinds.options import format_duration
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.provision.grafana_panels.charts import COARSE, MEDIUM, bands, bars, lines, values
from aiwatch.provision.grafana_panels.face import (
    BLUE,
    GREEN,
    GREY,
    NEUTRAL,
    ORANGE,
    QUIET,
    RED,
    YELLOW,
    Face,
    bad_above,
)
from aiwatch.provision.grafana_panels.page import Cell, Section
from aiwatch.provision.grafana_panels.process_panels import PERCENT, Scope, watched
from aiwatch.provision.grafana_panels.promql import equals
from aiwatch.provision.grafana_panels.queries import buckets_now, now, over_time, rows
from aiwatch.provision.grafana_panels.tables import Column, rows_of

_STATES = (
    ("ok", "ok", GREEN),
    ("learning", "learning", BLUE),
    ("not_enough_data", "not enough data", GREY),
    ("no_baseline", "no baseline", GREY),
    ("drift", "drift", RED),
)
"""The states of a window: name, words, colour; a panel shows them as numbers in this order."""


def drift(scope: Scope, options: PredictionOptions, inbox: str) -> Section:
    """Return everything on drift; ``inbox`` is the address of the responder, where the reports are."""
    return Section(
        "Drift",
        (
            Cell(_state(scope), 4, 4),
            Cell(_yes_or_no(scope, names.MODEL_UNDER_REVIEW, "Under review", "flagged for review"), 4, 4),
            Cell(_yes_or_no(scope, names.RETRAINING_PAUSED, "Retraining", "paused", "may run"), 4, 4),
            Cell(_baseline_age(scope, options), 4, 4),
            Cell(_expected(scope, options), 4, 4),
            Cell(_tested_until(scope), 4, 4),
            Cell(_by_feature(scope), 24, 10),
            Cell(_verdicts(scope), 12, 4),
            Cell(_window_rows(scope, options), 12, 4),
            Cell(_cause(scope), 7, 7),
            Cell(_evidence(scope), 12, 7),
            Cell(_report(scope, inbox), 5, 7),
            Cell(_effects(scope, options), 12),
            Cell(_baseline_output(scope), 12),
        ),
    )


def _verdict(scope: Scope) -> str:
    """Return the state of the newest window as its place among all states."""
    return " + ".join(
        f"{place} * max({names.DRIFT_STATE}{scope.every(equals(names.STATE, state))})"
        for place, (state, _, _) in enumerate(_STATES)
    )


def _state_face(title: str, description: str) -> Face:
    steps = [(None if place == 0 else float(place), colour) for place, (_, _, colour) in enumerate(_STATES)]
    words = {str(place): text for place, (_, text, _) in enumerate(_STATES)}
    return Face(title, description, "short", tuple(steps), words=words)


def _state(scope: Scope) -> dashboard.Panel:
    face = _state_face("Verdict", "What the newest window of predictions is, compared with the baseline.")
    return values(face, now(_verdict(scope), "verdict"))


def _verdicts(scope: Scope) -> dashboard.Panel:
    face = _state_face("Verdict over time", "What every window of predictions was, compared with the baseline.")
    return bands(face, over_time(_verdict(scope), "verdict"), step=MEDIUM)


def _yes_or_no(scope: Scope, metric: str, title: str, yes: str, no: str = "no") -> dashboard.Panel:
    face = Face(
        title,
        f"What the responder did about drift: {yes}, until a person resumes it.",
        "short",
        bad_above(1),
        words={"0": no, "1": yes},
    )
    return values(face, now(f"max({metric}{scope.all})", title))


def _baseline_age(scope: Scope, options: PredictionOptions) -> dashboard.Panel:
    settings, limit = options.alerts.baseline_stale, options.drift.max_baseline_age
    face = Face(
        "Age of the baseline",
        "How long ago the baseline was made." + watched(settings, f"above {format_duration(limit)}"),
        "s",
        bad_above(limit),
        no_value=f"{QUIET}: there is no baseline",
    )
    return values(face, now(f"time() - max({names.BASELINE_TIMESTAMP_SECONDS}{scope.all})", "age"))


def _expected(scope: Scope, options: PredictionOptions) -> dashboard.Panel:
    settings = options.alerts.drift_expected
    face = Face(
        "Drift expected in",
        "When the first feature that moves steadily will have drifted, at the latest by the forecast's interval."
        + watched(settings, f"below {format_duration(settings.within)}"),
        "s",
        ((None, ORANGE), (settings.within, GREEN)),
        no_value=f"{QUIET}: nothing moves steadily",
    )
    return values(face, now(f"min({names.DRIFT_EXPECTED_SECONDS}{scope.all})", "expected"))


def _tested_until(scope: Scope) -> dashboard.Panel:
    face = Face(
        "Tested until",
        "How long ago the newest window ended that was compared with the baseline. The alert "
        f"{names.ALERT_DRIFT_NOT_TESTED} watches it.",
        "s",
        bad_above(3 * 3600.0),
        no_value=f"{QUIET}: nothing is tested without a baseline",
    )
    return values(face, now(f"time() - max({names.DRIFT_WINDOW_END_TIMESTAMP_SECONDS}{scope.all})", "ended"))


def _by_feature(scope: Scope) -> dashboard.Panel:
    """Show for every feature whether it drifts: the lesser of evidence and effect, each 1 where it suffices."""
    face = Face(
        "Drift by feature",
        "How close every feature is to drifting: the lesser of how much speaks for a change and how large the change "
        "is. Both suffice from 1 on: the feature drifts.",
        "short",
        ((None, GREEN), (0.5, YELLOW), (1, RED)),
        decimals=2,
    )
    evidence, effect = (f"{name}{scope.all}" for name in (names.DRIFT_EVIDENCE_RATIO, names.DRIFT_EFFECT_RATIO))
    lesser = f'min by ({names.FEATURE}) ({evidence} or label_replace({effect}, "of", "effect", "", ""))'
    return bands(face, over_time(lesser, f"{{{{{names.FEATURE}}}}}"), step=COARSE)


def _effects(scope: Scope, options: PredictionOptions) -> dashboard.Panel:
    face = Face(
        "Largest changes over time",
        "The size of the change, divided by the size from which on it matters, of the ten features that changed most."
        + watched(options.alerts.model_drift, "when a change matters and is no chance"),
        "suffix: x",
        bad_above(1),
        bounds=(0, None),
        decimals=2,
    )
    most = f"topk(10, max by ({names.FEATURE}) ({names.DRIFT_EFFECT_RATIO}{scope.all}))"
    return lines(face, over_time(most, f"{{{{{names.FEATURE}}}}}"), step=MEDIUM, limits=True)


def _window_rows(scope: Scope, options: PredictionOptions) -> dashboard.Panel:
    settings = options.alerts.traffic_low
    face = Face(
        "Predictions per window",
        f"How many predictions a window holds; those of fewer than {options.drift.min_rows} are merged with the next."
        + watched(settings, f"below {settings.threshold:.0%} of what is usual at its hours of the week"),
        "short",
        NEUTRAL,
    )
    series = ((names.DRIFT_WINDOW_ROWS, "predictions"), (names.DRIFT_WINDOW_USUAL_ROWS, "usually"))
    return lines(face, *(over_time(f"max({name}{scope.all})", title) for name, title in series), step=MEDIUM)


def _cause(scope: Scope) -> dashboard.Panel:
    face = Face(
        "Likely cause",
        "What most probably made the model drift, and the features that it shows in.",
        "short",
        no_value=f"{QUIET}: nothing drifts",
    )
    series = f"max by ({names.CAUSE}, {names.FEATURE}) ({names.DRIFT_CAUSE_INFO}{scope.all})"
    return rows_of(face, [rows(series)], [Column(names.CAUSE, "Cause", 120), Column(names.FEATURE, "Feature")])


def _evidence(scope: Scope) -> dashboard.Panel:
    face = Face(
        "Evidence",
        "What speaks for the likely cause, as the alert says it too.",
        "short",
        no_value=f"{QUIET}: nothing drifts",
    )
    series = f"max by ({names.LINE}, {names.TEXT}) ({names.DRIFT_EVIDENCE_INFO}{scope.all})"
    columns = [Column(names.LINE, "Line", 60), Column(names.TEXT, "What was found", long=True)]
    return rows_of(face, [rows(series)], columns, sort=("Line", False))


def _report(scope: Scope, inbox: str) -> dashboard.Panel:
    face = Face(
        "Report",
        "The newest report while the model drifts: a click opens it.",
        "short",
        no_value=f"{QUIET}: nothing drifts",
    )
    series = f"max by ({names.REPORT}) ({names.DRIFT_REPORT_INFO}{scope.all})"
    link = (f"{inbox.rstrip('/')}/reports/${{__value.text}}", "Open the report")
    return rows_of(face, [rows(series)], [Column(names.REPORT, "Report", link=link)])


def _baseline_output(scope: Scope) -> dashboard.Panel:
    what = "Score" if scope.process.kind.name == "classifier" else "Value"
    face = Face(
        f"{what} distribution in the baseline",
        "Share of the baseline's predictions in every range, by its upper bound; to be compared with the present one.",
        PERCENT,
        NEUTRAL,
        no_value=f"{QUIET}: there is no baseline",
        decimals=1,
        bounds=(0, None),
    )
    series = f"max by (le) ({names.BASELINE_OUTPUT_RATIO}{scope.all})"
    return bars(face, buckets_now(series), upright=True)
