"""The alerts of chatbots."""

from __future__ import annotations

from aiwatch import names
from aiwatch.catalogue.model import Process
from aiwatch.kinds import chat
from aiwatch.kinds.options import format_duration
from aiwatch.provision.rules.alerts.condition import Condition, percent
from aiwatch.provision.rules.promql import increase, indented, number, ratio, selector
from aiwatch.provision.rules.recordings import DAY

_WEEK = 7 * DAY


def confidence_low(process: Process, settings: chat.ConfidenceLow) -> Condition:
    """Fire when the bot is unsure, on average over a day and over all model versions."""
    total = increase(selector(f"{names.CONFIDENCE_RATIO}_sum", process=process.name), DAY)
    count = increase(selector(f"{names.CONFIDENCE_RATIO}_count", process=process.name), DAY)
    return Condition(
        category="model_performance",
        expr=f"{ratio(total, f'({count} >= {settings.min_interactions})')}\n< {number(settings.threshold)}",
        summary="average confidence is low",
        description=(
            "The average confidence of the last 24 hours is {{ $value | humanizePercentage }}; "
            f"at least {percent(settings.threshold)} is expected. The bot understands its users less well: often they "
            "ask about something that it was not trained for. Look first at the latest conversations with low "
            "confidence, and at whether the model version changed."
        ),
    )


def satisfaction_falling(process: Process, settings: chat.SatisfactionFalling) -> Condition:
    """Fire when users like the answers less than in the week before; the value is by how much."""
    ratings = selector(names.FEEDBACK_TOTAL, process=process.name)
    liked = selector(names.FEEDBACK_TOTAL, process=process.name, rating="up")
    enough = settings.min_ratings
    week = ratio(increase(liked, _WEEK, "1d"), f"({increase(ratings, _WEEK, '1d')} >= {enough})")
    today = ratio(increase(liked, DAY), f"({increase(ratings, DAY)} >= {enough})")
    return Condition(
        category="business_impact",
        expr=f"(\n{indented(week)}\n)\n-\n(\n{indented(today)}\n)\n> {number(settings.drop)}",
        summary="user satisfaction is falling",
        description=(
            "The share of thumbs up of the last 24 hours lies {{ $value | humanizePercentage }} (of all ratings) below "
            f"that of the week before; {percent(settings.drop)} is the limit. Look first at the comments of thumbs "
            "down, and at the intents where they gather."
        ),
    )


def fallback_rate_high(process: Process, settings: chat.FallbackRateHigh) -> Condition:
    """Fire when the bot often does not know what to say."""
    fallbacks = increase(selector(names.INTERACTIONS_TOTAL, process=process.name, outcome="fallback"), settings.window)
    everything = increase(selector(names.INTERACTIONS_TOTAL, process=process.name), settings.window)
    return Condition(
        category="model_performance",
        expr=(f"{ratio(fallbacks, f'({everything} >= {settings.min_interactions})')}\n> {number(settings.threshold)}"),
        summary="the bot often falls back",
        description=(
            "{{ $value | humanizePercentage }} of the interactions of the last "
            f"{format_duration(settings.window)} ended in the fallback; at most {percent(settings.threshold)} is "
            "normal. These users got no answer. Look first at the queries that the bot did not understand: a new "
            "topic, another language, or a fault in front of the bot."
        ),
    )
