"""What happens at the support desk, as frozen records; times are epoch seconds, to the millisecond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome = Literal["answered", "fallback", "handoff", "error"]
Rating = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One question and what became of it.

    `latency` is in seconds, `cost` in US dollars. What follows `trace_id` is known to the simulation only
    and is not logged: `truth` is the topic that the customer meant (None: nothing that the bot was trained
    for), and `right` tells whether the customer got what was wanted.
    """

    time: float
    id: str
    session: str
    user: str | None
    query: str
    response: str | None
    intent: str | None
    confidence: float | None
    latency: float
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    outcome: Outcome
    trace_id: str
    truth: str | None
    right: bool


@dataclass(frozen=True, slots=True)
class Feedback:
    """A thumb up or down for the interaction of that id, maybe with a comment."""

    time: float
    id: str
    interaction: str
    rating: Rating
    comment: str | None


Record: TypeAlias = Interaction | Feedback
