"""One Grafana page per chatbot: use, confidence, satisfaction, cost, and the conversations that need a look."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.kinds import chat
from aiwatch.kinds.options import format_duration
from aiwatch.provision.contracts import Tree
from aiwatch.provision.grafana_panels import process_panels as common
from aiwatch.provision.grafana_panels import promql
from aiwatch.provision.grafana_panels.charts import (
    COARSE,
    MEDIUM,
    columns,
    distribution,
    lines,
    shares_by,
    stacked,
    values,
)
from aiwatch.provision.grafana_panels.datasources import FEEDBACK, INTERACTIONS, PROMETHEUS
from aiwatch.provision.grafana_panels.face import (
    BLUE,
    GREEN,
    NEUTRAL,
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
    process_tags,
    render,
)
from aiwatch.provision.grafana_panels.process_panels import PERCENT, Scope, show_percent, watched
from aiwatch.provision.grafana_panels.queries import buckets, counts, now, over_time
from aiwatch.provision.grafana_panels.tables import Column, newest
from aiwatch.provision.uids import dashboard_uid

OUTCOME_COLOURS = {"answered": GREEN, "fallback": ORANGE, "handoff": BLUE, "error": RED}
RATING_COLOURS = {"up": GREEN, "down": RED}
TIME = Column(names.TIMESTAMP, "Time", 170)
QUERY = Column("query", "Query", long=True)
RESPONSE = Column("response", "Response", long=True)
INTENT = Column("intent", "Intent", 170)


def generate(catalogue: Catalogue) -> Tree:
    """Return the page of every chatbot."""
    pages: dict[str, str] = {}
    for process in catalogue.processes:
        if isinstance(process.options, chat.ChatOptions):
            pages |= _page(catalogue, process, process.options)
    return pages


def _page(catalogue: Catalogue, process: Process, options: chat.ChatOptions) -> Mapping[str, str]:
    scope = Scope(process)
    versions = choice(
        names.MODEL_VERSION,
        "Model version",
        "Which model versions the metrics on this page are about; thumbs, sessions and documents are always of all.",
        f"{names.INTERACTIONS_TOTAL}{scope.all}",
    )
    return render(
        Page(
            uid=dashboard_uid(process.name),
            title=process.title,
            description=f"What people ask {process.title}, how sure it is, how they like it, and what it costs.",
            tags=process_tags(process),
            period="7d",
            sources=(PROMETHEUS, INTERACTIONS, FEEDBACK),
            variables=(versions,),
            alerts=common.firing_series(scope),
            links=neighbours(catalogue),
            sections=(
                _summary(scope, options),
                common.objectives(scope),
                _use(scope, options),
                _quality(scope, options),
                common.speed(scope),
                _cost(scope, options),
                _versions(scope, options),
                _conversations(scope, options),
            ),
        )
    )


def _summary(scope: Scope, options: chat.ChatOptions) -> Section:
    return Section(
        "",
        (
            Cell(_total(scope), 4),
            Cell(_average_confidence(scope, options), 4),
            Cell(_intents(scope), 8),
            Cell(_satisfaction(scope, options), 8),
            Cell(_satisfaction_now(scope), 4, 4),
            Cell(_outcome_now(scope, "fallback", "Not understood", options), 4, 4),
            Cell(_outcome_now(scope, "handoff", "Handed to a person", options), 4, 4),
            Cell(common.errors_now(scope), 4, 4),
            Cell(common.latency_now(scope), 4, 4),
            Cell(common.firing(scope), 4, 4),
        ),
    )


def _total(scope: Scope) -> dashboard.Panel:
    face = Face("Total interactions", "Queries that the bot received in this period.", "short", decimals=0)
    return values(face, now(promql.increase(scope.volume), "interactions"))


def _average_confidence(scope: Scope, options: chat.ChatOptions) -> dashboard.Panel:
    settings = options.alerts.confidence_low
    face = Face(
        "Average confidence",
        "How sure the bot was of the intent, on average over all interactions of this period."
        + watched(settings, f"when the average of 24 hours is below {show_percent(settings.threshold)}"),
        PERCENT,
        bad_below(settings.threshold),
        decimals=1,
    )
    return values(face, now(promql.mean(names.CONFIDENCE_RATIO, scope.where(), promql.RANGE), "confidence"))


def _intents(scope: Scope) -> dashboard.Panel:
    face = Face(
        "Intent distribution",
        "The 10 most frequent intents of this period, as shares of all interactions. "
        f"`{names.OTHER}` stands for the intents beyond the number that metrics keep apart.",
        PERCENT,
        decimals=1,
        bounds=(0, None),
    )
    return common.ranked(face, scope.volume, names.INTENT, 10)


def _thumbs(scope: Scope, window: str) -> str:
    return promql.share_of_events(_liked(scope), _rated(scope), window)


def _rated(scope: Scope) -> str:
    return f"{names.FEEDBACK_TOTAL}{scope.all}"


def _liked(scope: Scope) -> str:
    return f"{names.FEEDBACK_TOTAL}{scope.every(promql.equals(names.RATING, 'up'))}"


def _satisfaction(scope: Scope, options: chat.ChatOptions) -> dashboard.Panel:
    settings = options.alerts.satisfaction_falling
    floor, trailing, hourly = "alert below", "last 24 h", "thumbs up"
    face = Face(
        "User satisfaction over time",
        "Share of thumbs up among all thumbs: per step, and over the last 24 hours."
        + watched(
            settings,
            f"when the last 24 hours, with at least {settings.min_ratings} thumbs, are below the dashed line: "
            f"{show_percent(settings.drop)} less than the week before",
        ),
        PERCENT,
        bounds=(0, 1),
        colours={hourly: BLUE, trailing: GREEN, floor: RED},
    )
    week = promql.ratio(
        f"sum(increase({_liked(scope)}[7d] offset 1d))", f"sum(increase({_rated(scope)}[7d] offset 1d))"
    )
    queries = [over_time(_thumbs(scope, promql.RATE), hourly), over_time(_thumbs(scope, "1d"), trailing)]
    if settings.enabled:
        queries.append(over_time(f"{week} - {settings.drop:g}", floor))
    return lines(face, *queries, step=COARSE, dashed=[floor], quiet_gaps=True)


def _satisfaction_now(scope: Scope) -> dashboard.Panel:
    face = Face("Satisfaction", "Share of thumbs up among all thumbs of this period.", PERCENT, decimals=1)
    return values(face, now(_thumbs(scope, promql.RANGE), "thumbs up"))


def _outcome_now(scope: Scope, outcome: str, title: str, options: chat.ChatOptions) -> dashboard.Panel:
    settings = options.alerts.fallback_rate_high
    if outcome == "fallback":
        note = f" Red above the threshold of the alert {settings.alert}, {show_percent(settings.threshold)}."
        steps = bad_above(settings.threshold)
    else:
        note, steps = "", NEUTRAL
    face = Face(
        title,
        f"Share of the interactions of this period with the outcome {outcome}." + note,
        PERCENT,
        steps,
        decimals=1,
    )
    return values(face, now(_outcome(scope, outcome, promql.RANGE), outcome))


def _outcome(scope: Scope, outcome: str, window: str) -> str:
    part = f"{names.INTERACTIONS_TOTAL}{scope.where(promql.equals(names.OUTCOME, outcome))}"
    return promql.share_of_events(part, scope.volume, window)


def _use(scope: Scope, options: chat.ChatOptions) -> Section:
    outcomes = Face(
        "Outcomes over time",
        "Interactions per minute by how they ended.",
        "suffix:/min",
        colours=OUTCOME_COLOURS,
    )
    intents = Face(
        "Intents over time",
        "Shares of the 8 most frequent intents of this period; what is missing to 100 % are all others.",
        PERCENT,
        bounds=(0, 1),
    )
    sessions = Face("Sessions begun", "Sessions per hour; one ends after 30 minutes without a query.", "suffix:/h")
    top = f"topk(8, sum by (intent) (increase({scope.volume}[{promql.RANGE}] @ end())))"
    share = f"{promql.rate(scope.volume, [names.INTENT])} / on () group_left () ({promql.rate(scope.volume)} > 0)"
    begun = promql.rate(f"{names.SESSIONS_TOTAL}{scope.all}", per_seconds=3600)
    return Section(
        "Use",
        (
            Cell(
                stacked(outcomes, over_time(promql.rate(scope.volume, [names.OUTCOME], 60), "{{outcome}}")),
                12,
            ),
            Cell(stacked(intents, over_time(f"{share} and on (intent) {top}", "{{intent}}"), step=MEDIUM), 12),
            Cell(_fallbacks(scope, options), 12),
            Cell(lines(sessions, over_time(begun, "sessions"), step=MEDIUM), 12),
        ),
    )


def _fallbacks(scope: Scope, options: chat.ChatOptions) -> dashboard.Panel:
    settings = options.alerts.fallback_rate_high
    window = format_duration(settings.window)
    face = Face(
        "Fallback and handoff rate",
        f"Share of the interactions of the last {window} that the bot did not understand (fallback) or gave to a "
        "person (handoff)." + watched(settings, f"when the fallbacks are above {show_percent(settings.threshold)}"),
        PERCENT,
        bad_above(settings.threshold),
        bounds=(0, None),
        colours=OUTCOME_COLOURS,
    )
    rates = [over_time(_outcome(scope, outcome, window), outcome) for outcome in ("fallback", "handoff")]
    return lines(face, *rates, step=MEDIUM, limits=True)


def _quality(scope: Scope, options: chat.ChatOptions) -> Section:
    settings = options.alerts.confidence_low
    steps, daily = "average", "last 24 h"
    over = Face(
        "Confidence over time",
        "Average confidence per step and over the last 24 hours."
        + watched(
            settings,
            f"when the last 24 hours are below {show_percent(settings.threshold)}, "
            f"from {settings.min_interactions} interactions on",
        ),
        PERCENT,
        bad_below(settings.threshold),
        bounds=(0, 1),
        colours={steps: BLUE, daily: GREEN},
    )
    spread = Face(
        "Confidence distribution", "How many interactions per step had which confidence.", "short", decimals=0
    )
    thumbs = Face(
        "Thumbs up and down", "Thumbs that users gave, per step.", "short", decimals=0, colours=RATING_COLOURS
    )
    by_intent = Face(
        "Satisfaction by intent",
        "Thumbs up and down of the 15 intents with the most thumbs, by the time of the interaction.",
        "short",
        colours={"Thumbs up": GREEN, "Thumbs down": RED},
    )
    rated = counts(INTERACTIONS, f"{scope.documents} AND _exists_:feedback.rating", ("intent", "feedback.rating"), 15)
    confidence = promql.mean(names.CONFIDENCE_RATIO, scope.where(), promql.RATE)
    given = f"round({promql.increase(_rated(scope), promql.RATE, [names.RATING])})"
    seen = promql.increase(f"{names.CONFIDENCE_RATIO}_bucket{scope.where()}", promql.RATE, ["le"])
    return Section(
        "Confidence and satisfaction",
        (
            Cell(
                lines(
                    over,
                    over_time(confidence, steps),
                    over_time(promql.mean(names.CONFIDENCE_RATIO, scope.where(), "1d"), daily),
                    step=MEDIUM,
                    limits=True,
                ),
                12,
            ),
            Cell(distribution(spread, buckets(seen), axis_unit=PERCENT), 12),
            Cell(columns(thumbs, over_time(given, "{{rating}}")), 12, 10),
            Cell(
                shares_by(by_intent, rated, "intent", "feedback.rating", {"up": "Thumbs up", "down": "Thumbs down"}),
                12,
                10,
            ),
        ),
    )


def _cost(scope: Scope, options: chat.ChatOptions) -> Section:
    money = f"currency:{options.currency} "
    tokens = Face("Tokens", "Tokens per minute that the model read (input) and wrote (output).", "suffix:/min")
    spent = Face("Cost over time", f"What the model costs, in {options.currency} per hour.", money)
    each = Face("Cost of 1,000 interactions", f"In {options.currency}, over this period.", money, decimals=2)
    bill = Face("Cost", f"What the model cost in this period, in {options.currency}.", money, decimals=2)
    size = Face(
        "Tokens per interaction",
        "Tokens read and written for one interaction, on average.",
        "short",
        decimals=0,
    )
    cost = f"{names.COST_TOTAL}{scope.where(promql.equals(names.CURRENCY, options.currency))}"
    used = f"{names.TOKENS_TOTAL}{scope.where()}"
    events = promql.increase(scope.volume)
    return Section(
        "Tokens and cost",
        (
            Cell(stacked(tokens, over_time(promql.rate(used, [names.DIRECTION], 60), "{{direction}}")), 12),
            Cell(lines(spent, over_time(promql.rate(cost, per_seconds=3600), "cost per hour"), step=MEDIUM), 12),
            Cell(values(bill, now(promql.increase(cost), "cost")), 8, 4),
            Cell(values(each, now(f"1000 * {promql.ratio(promql.increase(cost), events)}", "cost")), 8, 4),
            Cell(values(size, now(promql.ratio(promql.increase(used), events), "tokens")), 8, 4),
        ),
    )


def _versions(scope: Scope, options: chat.ChatOptions) -> Section:
    settings = options.alerts.confidence_low
    face = Face(
        "Confidence by model version",
        "Average confidence of every model version; the line is the threshold of the alert "
        f"{settings.alert}, {show_percent(settings.threshold)}.",
        PERCENT,
        bad_below(settings.threshold),
        bounds=(0, 1),
    )
    average = promql.mean(names.CONFIDENCE_RATIO, scope.where(), promql.RATE, [names.MODEL_VERSION])
    return Section(
        "By model version",
        (
            Cell(common.traffic_by_version(scope, "Interactions"), 8),
            Cell(lines(face, over_time(average, "{{model_version}}"), step=MEDIUM, limits=True), 8),
            Cell(common.latency_by_version(scope), 8),
        ),
    )


def _conversations(scope: Scope, options: chat.ChatOptions) -> Section:
    threshold = options.alerts.confidence_low.threshold
    confidence = Column("confidence", "Confidence", 110, PERCENT, bad_below(threshold), decimals=0)
    outcome = Column("outcome", "Outcome", 100, colours=OUTCOME_COLOURS)
    rating = Column("feedback.rating", "Thumb", 80, colours=RATING_COLOURS)
    unsure = Face(
        "Latest conversations with low confidence",
        f"The newest 100 interactions with a confidence below {show_percent(threshold)}.",
        "short",
    )
    lost = Face("Queries that the bot did not understand", "The newest 100 queries that ended in a fallback.", "short")
    comments = Face("Comments by users", "The newest 100 thumbs with a comment, by the time of the thumb.", "short")
    disliked = Face(
        "Conversations with a thumb down",
        "The newest 100 interactions that users disliked, with what they said about it.",
        "short",
        no_value=f"{QUIET}: no thumb down in this period",
    )
    where = scope.documents
    said = [TIME, QUERY, RESPONSE, INTENT, confidence]
    thumb = Column("rating", "Thumb", 80, colours=RATING_COLOURS)
    remark = [rating, Column("feedback.comment", "Comment", long=True)]
    return Section(
        "Conversations",
        (
            Cell(newest(unsure, INTERACTIONS, f"{where} AND confidence:<{threshold:g}", [*said, outcome]), 24, 10),
            Cell(
                newest(lost, INTERACTIONS, f"{where} AND outcome:fallback", [TIME, QUERY, INTENT, confidence]), 12, 10
            ),
            Cell(
                newest(
                    comments,
                    FEEDBACK,
                    f"{where} AND _exists_:comment",
                    [TIME, thumb, Column("comment", "Comment", long=True)],
                ),
                12,
                10,
            ),
            Cell(newest(disliked, INTERACTIONS, f"{where} AND feedback.rating:down", [*said, *remark]), 24, 10),
        ),
    )
