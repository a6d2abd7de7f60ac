"""One Grafana page per classifier or regressor: what it predicts, on which features, how fast, and what failed."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.kinds.classifier import ClassifierOptions
from aiwatch.kinds.options import format_duration
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.kinds.regressor import RegressorOptions
from aiwatch.provision.contracts import Tree
from aiwatch.provision.grafana_panels import process_panels as common
from aiwatch.provision.grafana_panels import promql
from aiwatch.provision.grafana_panels.charts import MEDIUM, bars, distribution, lines, stacked, values
from aiwatch.provision.grafana_panels.datasources import PREDICTIONS, PROMETHEUS
from aiwatch.provision.grafana_panels.drift_panels import drift
from aiwatch.provision.grafana_panels.face import NEUTRAL, QUIET, Face, bad_above
from aiwatch.provision.grafana_panels.page import (
    Cell,
    Page,
    Section,
    choice,
    neighbours,
    process_tags,
    render,
)
from aiwatch.provision.grafana_panels.process_panels import PERCENT, Scope, show_percent, watched
from aiwatch.provision.grafana_panels.queries import buckets, buckets_now, documents, now, over_time
from aiwatch.provision.grafana_panels.tables import Column, newest, rows_of
from aiwatch.provision.uids import dashboard_uid

FEATURE_COLUMNS = 8  # of documents; more do not fit on a page
LIKELY = 0.5  # from this score on a case is worth a look
TIME = Column(names.TIMESTAMP, "Time", 170)
VERSION = Column(names.MODEL_VERSION, "Version", 110)
LATENCY = Column("latency", "Latency", 100, "s")


def generate(catalogue: Catalogue) -> Tree:
    """Return the page of every classifier and regressor."""
    pages: dict[str, str] = {}
    for process in catalogue.processes:
        if isinstance(process.options, ClassifierOptions | RegressorOptions):
            pages |= _page(catalogue, process, process.options)
    return pages


def _page(catalogue: Catalogue, process: Process, options: ClassifierOptions | RegressorOptions) -> Mapping[str, str]:
    scope = Scope(process)
    versions = choice(
        names.MODEL_VERSION,
        "Model version",
        "Which model versions the metrics on this page are about; features and documents are always of all.",
        f"{names.PREDICTIONS_TOTAL}{scope.all}",
    )
    content: tuple[Section, ...]
    if isinstance(options, ClassifierOptions):
        content = (_decisions(scope, options), _scores(scope))
    else:
        content = (_values(scope),)
    return render(
        Page(
            uid=dashboard_uid(process.name),
            title=process.title,
            description=f"What {process.title} predicts, on which features, how fast, and what fails.",
            tags=process_tags(process),
            period="24h",
            sources=(PROMETHEUS, PREDICTIONS),
            variables=(versions,),
            alerts=common.firing_series(scope),
            links=neighbours(catalogue),
            sections=(
                _summary(scope),
                common.objectives(scope),
                drift(scope, options, catalogue.framework.endpoints.inbox),
                *content,
                common.speed(scope),
                *_features(scope, options),
                _versions(scope),
                _documents(scope, options),
            ),
        )
    )


def _summary(scope: Scope) -> Section:
    total = Face("Total predictions", "Predictions that the model made in this period.", "short", decimals=0)
    speed = Face("Predictions per minute", "On average over this period.", "suffix:/min", decimals=1)
    rate = f"60 * {promql.total('rate', scope.volume, promql.RANGE)}"
    traffic = Face("Traffic", "Predictions per minute.", "suffix:/min")
    per_minute = over_time(promql.rate(scope.volume, per_seconds=60), "predictions")
    return Section(
        "",
        (
            Cell(values(total, now(promql.increase(scope.volume), "predictions")), 4, 4),
            Cell(values(speed, now(rate, "predictions")), 4, 4),
            Cell(common.errors_now(scope), 4, 4),
            Cell(common.latency_now(scope), 4, 4),
            Cell(common.firing(scope), 4, 4),
            Cell(lines(traffic, per_minute), 4, 4),
        ),
    )


def _decisions(scope: Scope, options: ClassifierOptions) -> Section:
    settings = options.alerts.decision_rate_changed
    window = format_duration(settings.window)
    by_decision = [names.DECISION]
    per_minute = Face("Predictions by decision", "Predictions per minute by what was decided.", "suffix:/min")
    period = Face(
        "Decisions of this period",
        "Share of every decision in this period.",
        PERCENT,
        decimals=2,
        bounds=(0, None),
    )
    moved = Face(
        "Decision shares over time",
        f"Share of every decision over the last {window}; dashed: a week before."
        + watched(
            settings,
            f"when a share is {settings.factor:g} times as large or small as in the same hours of the last weeks, "
            f"and moved by {show_percent(settings.min_change)} or more",
        ),
        PERCENT,
        bounds=(0, 1),
    )

    def share(offset: str) -> str:
        part = f"sum by (decision) (increase({scope.volume}[{window}]{offset}))"
        return f"{part} / on () group_left () (sum(increase({scope.volume}[{window}]{offset})) > 0)"

    return Section(
        "Decisions",
        (
            Cell(stacked(per_minute, over_time(promql.rate(scope.volume, by_decision, 60), "{{decision}}")), 9),
            Cell(common.ranked(period, scope.volume, names.DECISION, 10), 6),
            Cell(
                lines(
                    moved,
                    over_time(share(""), "{{decision}}"),
                    over_time(share(" offset 1w"), "{{decision}}, a week before"),
                    step=MEDIUM,
                    dashed=["/a week before/"],
                ),
                9,
            ),
        ),
    )


def _histogram(scope: Scope, metric: str, offset: str = "") -> str:
    """Return shares of all observations of the period at or below every bucket bound."""
    part = f"sum by (le) (increase({metric}_bucket{scope.where()}[{promql.RANGE}]{offset}))"
    return f"{part} / on () group_left () (sum(increase({metric}_count{scope.where()}[{promql.RANGE}]{offset})) > 0)"


def _spread(scope: Scope, metric: str, what: str, unit: str) -> tuple[Cell, Cell, Cell]:
    """Return how a histogram is distributed: over time, in the period, and in the same period a week before."""
    moving = Face(f"{what} distribution over time", "How many predictions per step fell into which range.", "short")
    present = Face(
        f"{what} distribution, this period",
        "Share of predictions in every range; the name is the range's upper bound.",
        PERCENT,
        decimals=1,
        bounds=(0, None),
    )
    past = Face(
        f"{what} distribution, a week before",
        "The same for the period that lies a week earlier: what changed?",
        PERCENT,
        decimals=1,
        bounds=(0, None),
    )
    seen = promql.increase(f"{metric}_bucket{scope.where()}", promql.RATE, ["le"])
    return (
        Cell(distribution(moving, buckets(seen), axis_unit=unit), 24),
        Cell(bars(present, buckets_now(_histogram(scope, metric)), upright=True), 12),
        Cell(bars(past, buckets_now(_histogram(scope, metric, " offset 1w")), upright=True), 12),
    )


def _scores(scope: Scope) -> Section:
    average = Face("Average score over time", "Average score per step; dashed: a week before.", "short", decimals=4)
    mean = promql.mean(names.SCORE_RATIO, scope.where(), promql.RATE)
    past = mean.replace(f"[{promql.RATE}]", f"[{promql.RATE}] offset 1w")
    chart = lines(
        average,
        over_time(mean, "average"),
        over_time(past, "a week before"),
        step=MEDIUM,
        dashed=["a week before"],
    )
    return Section("Scores", (Cell(chart, 24, 7), *_spread(scope, names.SCORE_RATIO, "Score", PERCENT)))


def _values(scope: Scope) -> Section:
    face = Face("Predicted values over time", "Average, median and 95th percentile of what was predicted.", "short")
    series = scope.where()
    chart = lines(
        face,
        over_time(promql.mean(names.PREDICTED_VALUE, series, promql.RATE), "average"),
        over_time(promql.quantile(0.5, names.PREDICTED_VALUE, series, promql.RATE), "median"),
        over_time(promql.quantile(0.95, names.PREDICTED_VALUE, series, promql.RATE), "p95"),
        step=MEDIUM,
    )
    return Section("Predicted values", (Cell(chart, 24, 7), *_spread(scope, names.PREDICTED_VALUE, "Value", "short")))


def _features(scope: Scope, options: ClassifierOptions | RegressorOptions) -> tuple[Section, ...]:
    if not options.features:
        return ()
    settings = options.alerts.features_missing
    missing = Face(
        "Missing features",
        "Share of the predictions of the last 15 minutes that lacked a feature."
        + watched(settings, f"above {show_percent(settings.threshold)}"),
        PERCENT,
        bad_above(settings.threshold),
        bounds=(0, None),
    )
    invalid = Face(
        "Invalid features",
        "Share of the predictions of the last 15 minutes whose value of a feature has the wrong type or is not "
        "allowed in the process's file.",
        PERCENT,
        NEUTRAL,
        bounds=(0, None),
    )

    def share(metric: str) -> str:
        whole = promql.increase(f"{names.PREDICTIONS_TOTAL}{scope.all}", "15m")
        return f"{promql.increase(f'{metric}{scope.all}', '15m', [names.FEATURE])} / on () group_left () ({whole} > 0)"

    return (
        Section(
            "Features",
            (
                Cell(
                    lines(
                        missing,
                        over_time(share(names.FEATURES_MISSING_TOTAL), "{{feature}}"),
                        limits=True,
                    ),
                    12,
                ),
                Cell(lines(invalid, over_time(share(names.FEATURES_INVALID_TOTAL), "{{feature}}")), 12),
            ),
        ),
    )


def _versions(scope: Scope) -> Section:
    return Section(
        "By model version",
        (
            Cell(common.traffic_by_version(scope, "Predictions"), 12),
            Cell(common.latency_by_version(scope), 12),
        ),
    )


def _documents(scope: Scope, options: PredictionOptions) -> Section:
    where = scope.documents
    features = [Column(f"features.{name}", name) for name in list(options.features)[:FEATURE_COLUMNS]]
    error = Column("error", "Error", long=True)
    failed = Face(
        "Latest errors",
        "The newest 100 requests for which no prediction came out.",
        "short",
        no_value=f"{QUIET}: no failed request in this period",
    )
    return Section(
        "Predictions",
        (
            Cell(_highest(where, features, options), 24, 10),
            Cell(
                newest(failed, PREDICTIONS, f"{where} AND _exists_:error", [TIME, error, VERSION, LATENCY, *features]),
                24,
                8,
            ),
        ),
    )


def _highest(where: str, features: list[Column], options: PredictionOptions) -> dashboard.Panel:
    if isinstance(options, ClassifierOptions):
        face = Face(
            "Highest scores",
            f"The 100 highest of the newest 500 predictions with a score of {LIKELY:g} or more.",
            "short",
        )
        leading = [Column("score", "Score", 100, decimals=3), Column("decision", "Decision", 120)]
        query = f"{where} AND score:>={LIKELY:g}"
    else:
        face = Face("Highest values", "The 100 highest of the newest 500 predictions.", "short")
        leading = [Column("value", "Value", 140)]
        query = f"{where} AND _exists_:value"
    columns = [TIME, *leading, VERSION, LATENCY, *features]
    return rows_of(face, [documents(PREDICTIONS, query, 500)], columns, sort=(leading[0].title, True), most=100)
