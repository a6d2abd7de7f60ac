"""Chatbots and assistants: interactions with an intent, a confidence and an outcome, and thumbs up or down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from aiwatch import names
from aiwatch.kinds import shared
from aiwatch.kinds.base import (
    RATIO_BOUNDS,
    Kind,
    Label,
    Labels,
    Metric,
    Recipe,
    Record,
    RecordType,
    latency_bounds,
)
from aiwatch.kinds.options import AlertSettings, CommonAlerts, Duration, KindOptions, Share, Slo

OUTCOMES = ("answered", "fallback", "handoff", "error")
RATINGS = ("up", "down")


class Interaction(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One query and what the bot made of it. ``latency`` is in seconds, ``confidence`` between 0 and 1."""

    query: str | None = None
    response: str | None = None
    intent: str | None = None
    confidence: float | None = None
    latency: float | None = None
    session: str | None = None
    user: str | None = None
    model: str | None = None
    model_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    outcome: str | None = None
    trace_id: str | None = None


class Feedback(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A user's thumb on an earlier interaction."""

    interaction: str
    rating: str
    comment: str | None = None


class ConfidenceLow(AlertSettings):
    """The average confidence of the last 24 hours, weighted by traffic, is below ``threshold``."""

    alert: ClassVar[str] = "ChatConfidenceLow"
    for_: Duration = Field(default=0.0, alias="for", validate_default=False)
    threshold: Share = 0.70
    min_interactions: Annotated[int, Field(ge=1)] = 50


class SatisfactionFalling(AlertSettings):
    """The share of thumbs up of the last 24 hours lies ``drop`` below that of the week before."""

    alert: ClassVar[str] = "ChatSatisfactionFalling"
    for_: Duration = Field(default=0.0, alias="for", validate_default=False)
    drop: Share = 0.10
    min_ratings: Annotated[int, Field(ge=1)] = 30


class FallbackRateHigh(AlertSettings):
    """The share of interactions of the last hour that ended in the fallback is above ``threshold``."""

    alert: ClassVar[str] = "ChatFallbackRateHigh"
    threshold: Share = 0.25
    min_interactions: Annotated[int, Field(ge=1)] = 20
    window: Duration = 3600.0


class ChatAlerts(CommonAlerts):
    """The alerts of a chatbot."""

    confidence_low: ConfidenceLow = ConfidenceLow()
    satisfaction_falling: SatisfactionFalling = SatisfactionFalling()
    fallback_rate_high: FallbackRateHigh = FallbackRateHigh()


class ChatOptions(KindOptions):
    """What only a chatbot can be told."""

    intents: tuple[str, ...] = ()
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    alerts: ChatAlerts = ChatAlerts()
    slos: tuple[Slo, ...] = (
        Slo(name="latency", indicator="latency", objective=0.95, threshold="2.5s"),
        Slo(name="errors", indicator="errors", objective=0.99),
    )


def bounds(options: ChatOptions, thresholds: Sequence[float]) -> Mapping[str, tuple[float, ...]]:
    """Return the bucket bounds of the histograms of a chatbot."""
    return {names.LATENCY_SECONDS: latency_bounds(thresholds), names.CONFIDENCE_RATIO: RATIO_BOUNDS}


def zeros(process: str, options: ChatOptions) -> Sequence[tuple[str, Labels]]:
    """Return the counter series that are known before the first record."""
    return [(names.FEEDBACK_TOTAL, (process, rating)) for rating in RATINGS] + [(names.SESSIONS_TOTAL, (process,))]


def recipes(options: ChatOptions) -> Mapping[str, Recipe]:
    """Return what interactions and feedback add to the metrics."""
    return {
        "interaction": Recipe(
            counter=names.INTERACTIONS_TOTAL,
            labels=(Label("intent", names.UNKNOWN), Label("outcome", "answered")),
            failure=("outcome", "error"),
            observed=((names.CONFIDENCE_RATIO, "confidence"), (names.LATENCY_SECONDS, "latency")),
            summed=(
                (names.TOKENS_TOTAL, "input", "input_tokens"),
                (names.TOKENS_TOTAL, "output", "output_tokens"),
                (names.COST_TOTAL, options.currency, "cost"),
            ),
            session="session",
        ),
        "feedback": Recipe(names.FEEDBACK_TOTAL, (Label("rating", names.UNKNOWN),), traffic=False),
    }


INTERACTION = RecordType(
    name="interaction",
    family=names.FAMILY_INTERACTIONS,
    struct=Interaction,
    text=("query", "response"),
    ranges={
        "confidence": (0.0, 1.0),
        "latency": (0.0, None),
        "input_tokens": (0, None),
        "output_tokens": (0, None),
        "cost": (0.0, None),
    },
    choices={"outcome": OUTCOMES},
    dimensions={"time": "time", "latency": "duration", "confidence": "ratio"},
    properties={
        "query": {"type": "text"},
        "response": {"type": "text"},
        "intent": shared.KEYWORD,
        "confidence": {"type": "float"},
        "latency": {"type": "float"},
        "session": shared.KEYWORD,
        "user": shared.KEYWORD,
        "model": shared.KEYWORD,
        "model_version": shared.KEYWORD,
        "input_tokens": {"type": "long"},
        "output_tokens": {"type": "long"},
        "cost": {"type": "double"},
        "outcome": shared.KEYWORD,
        "trace_id": shared.KEYWORD,
        "feedback": {
            "properties": {
                names.TIMESTAMP: {"type": "date"},
                "rating": shared.KEYWORD,
                "comment": {"type": "text"},
            }
        },
    },
)

FEEDBACK = RecordType(
    name="feedback",
    family=names.FAMILY_FEEDBACK,
    struct=Feedback,
    text=("comment",),
    ranges={},
    choices={"rating": RATINGS},
    dimensions={"time": "time"},
    properties={"interaction": shared.KEYWORD, "rating": shared.KEYWORD, "comment": {"type": "text"}},
)

KIND = Kind(
    name="chat",
    title="Chatbot",
    options=ChatOptions,
    records=(INTERACTION, FEEDBACK),
    metrics=(
        Metric(
            names.INTERACTIONS_TOTAL,
            "counter",
            "Interactions by intent and outcome.",
            (names.PROCESS, names.MODEL_VERSION, names.INTENT, names.OUTCOME),
        ),
        Metric(
            names.CONFIDENCE_RATIO,
            "histogram",
            "Confidence of the intent, between 0 and 1.",
            (names.PROCESS, names.MODEL_VERSION),
        ),
        shared.LATENCY,
        shared.ERRORS,
        Metric(
            names.FEEDBACK_TOTAL,
            "counter",
            "Thumbs up and down by users.",
            (names.PROCESS, names.RATING),
        ),
        Metric(
            names.TOKENS_TOTAL,
            "counter",
            "Tokens read (input) and written (output).",
            (names.PROCESS, names.MODEL_VERSION, names.DIRECTION),
        ),
        Metric(
            names.COST_TOTAL,
            "counter",
            "Money spent, in the unit of the label currency.",
            (names.PROCESS, names.MODEL_VERSION, names.CURRENCY),
        ),
        Metric(
            names.SESSIONS_TOTAL,
            "counter",
            "Sessions begun; one ends after 30 minutes without an interaction.",
            (names.PROCESS,),
        ),
        shared.LAST_EVENT,
    ),
    volume=names.INTERACTIONS_TOTAL,
    bounds=bounds,
    zeros=zeros,
    recipes=recipes,
)
