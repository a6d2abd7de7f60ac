"""One customer's visit: what is asked, how the bot answers, and what the customer thinks of it."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from aiwatch.demo.chatbot.classifier import Guess
from aiwatch.demo.chatbot.language import fill, utter
from aiwatch.demo.chatbot.records import Feedback, Interaction, Outcome, Record
from aiwatch.demo.chatbot.topics import NEW_PRODUCT, OUT_OF_SCOPE, TOPICS, UNSEEN

FALLBACK_BELOW = 0.4
"""The bot says that it did not understand when it is less confident than this."""

NEW_PRODUCT_SHARE = 0.5
"""Share of the visits' concerns that are about the new product, once it is on sale."""

_OUT_OF_SCOPE_SHARE = 0.03
_UNSEEN_SHARE = 0.08
_ERROR_SHARE = 0.004
_ERROR_LATENCY = 10.0
_MOST_TURNS = 8
_USERS = 3000
_INSTRUCTION_TOKENS = 210
_LETTERS_PER_TOKEN = 4
_DOLLARS_PER_INPUT_TOKEN = 0.4e-6
_DOLLARS_PER_OUTPUT_TOKEN = 1.6e-6

_TOPIC = {topic.name: topic for topic in TOPICS}
_WEIGHTS = [topic.weight for topic in TOPICS]
_CLOSING = frozenset({"thanks"})

_NOT_UNDERSTOOD = (
    "Sorry, I did not understand that. Could you put it in other words?",
    "I am not sure what you mean. I can help with orders, bills, plans, your account and technical problems.",
)
_GIVING_UP = (
    "I do not get any further here. I am passing you on to a colleague, who can read what we wrote so far.",
    "Let me bring in a colleague, it takes about three minutes.",
)
_COMMENTS: Mapping[str, tuple[str, ...]] = {
    "right": (
        "quick and clear",
        "solved in a minute, great",
        "exactly what I needed",
        "very helpful",
        "better than waiting on the phone",
        "nice and easy",
    ),
    "human": ("good that a person took over", "the colleague was quick", "friendly handover"),
    "wrong": (
        "that was not my question",
        "the answer has nothing to do with what I asked",
        "it talks about {intent}, I asked something else",
        "wrong answer",
        "completely beside the point",
    ),
    "fallback": (
        "the bot does not understand me",
        "I had to ask three times",
        "useless, it only says sorry",
        "knows nothing about my problem",
    ),
    "slow": ("took far too long", "so slow that I nearly left"),
    "error": ("the chat crashed", "no answer at all"),
    "sour": ("correct, but I do not like the answer", "too many words", "I would rather talk to a person"),
}


@dataclass(frozen=True, slots=True)
class Concern:
    """What a customer wants: a trained topic's name, or None, and phrases that put it."""

    topic: str | None
    phrases: tuple[str, ...]

    def utter(self, rng: random.Random) -> str:
        """Put the concern into words, at times in words that the bot has never seen."""
        if self.topic is None:
            return utter(rng.choice(self.phrases), rng)
        unseen = rng.random() < _UNSEEN_SHARE
        return utter(rng.choice(self.phrases[-UNSEEN:] if unseen else self.phrases[:-UNSEEN]), rng)


def visit(start: float, rng: random.Random, *, new_product: bool, pace: float) -> Generator[str, Guess, list[Record]]:
    """Play one session: yield each query, receive the classifier's guess, return all records of the session.

    Args:
        start: when the customer comes, epoch seconds.
        rng: the session's own source of chance.
        new_product: whether the product line that the bot does not know is on sale.
        pace: how many times faster than real people these read, type and judge.
    """
    session = f"s-{rng.getrandbits(48):012x}"
    user = None if rng.random() < 0.1 else f"u-{int(_USERS * rng.random() ** 2.5):05d}"
    records: list[Record] = []
    now, tokens_so_far, misses = start, 0, 0
    concern = _first_concern(rng, new_product)
    query = concern.utter(rng)
    for _ in range(_MOST_TURNS):
        broken = rng.random() < _ERROR_SHARE
        guess = None if broken else (yield query)
        outcome = _decide(guess, misses)
        response = None if guess is None else fill(rng.choice(_replies(guess, outcome)), rng)
        right = _is_right(guess, outcome, concern)
        said = len(query) // _LETTERS_PER_TOKEN + 1
        answered = 0 if response is None else len(response) // _LETTERS_PER_TOKEN + 1
        asked = _INSTRUCTION_TOKENS + tokens_so_far + said
        interaction = Interaction(
            time=round(now, 3),
            id=f"{rng.getrandbits(64):016x}",
            session=session,
            user=user,
            query=query,
            response=response,
            intent=guess.intent if guess else None,
            confidence=guess.confidence if guess else None,
            latency=_latency(response, rng),
            input_tokens=asked if response else None,
            output_tokens=answered if response else None,
            cost=_cost(asked, answered) if response else None,
            outcome=outcome,
            trace_id=f"{rng.getrandbits(128):032x}",
            truth=concern.topic,
            right=right,
        )
        records.append(interaction)
        records.extend(_feedback(interaction, rng, pace))
        tokens_so_far += said + answered
        misses = misses + 1 if outcome == "fallback" else 0
        now += interaction.latency + rng.lognormvariate(2.9, 0.6) / pace
        following = _next_query(interaction, concern, rng, new_product)
        if following is None:
            break
        concern, query = following
    return records


def _first_concern(rng: random.Random, new_product: bool) -> Concern:
    if rng.random() < 0.1:
        return Concern("greeting", _TOPIC["greeting"].phrases)
    return _concern(rng, new_product)


def _concern(rng: random.Random, new_product: bool) -> Concern:
    if new_product and rng.random() < NEW_PRODUCT_SHARE:
        return Concern(None, NEW_PRODUCT)
    if rng.random() < _OUT_OF_SCOPE_SHARE:
        return Concern(None, OUT_OF_SCOPE)
    topic = rng.choices(TOPICS, _WEIGHTS)[0]
    return Concern(topic.name, topic.phrases)


def _decide(guess: Guess | None, misses: int) -> Outcome:
    if guess is None:
        return "error"
    if guess.confidence < FALLBACK_BELOW:
        return "handoff" if misses >= 2 else "fallback"
    return "handoff" if _TOPIC[guess.intent].handoff else "answered"


def _replies(guess: Guess, outcome: Outcome) -> tuple[str, ...]:
    if guess.confidence < FALLBACK_BELOW:
        return _GIVING_UP if outcome == "handoff" else _NOT_UNDERSTOOD
    return _TOPIC[guess.intent].replies


def _is_right(guess: Guess | None, outcome: Outcome, concern: Concern) -> bool:
    if guess is None or outcome == "fallback":
        return False
    return outcome == "handoff" or guess.intent == concern.topic


def _latency(response: str | None, rng: random.Random) -> float:
    if response is None:
        return round(_ERROR_LATENCY + rng.random() / 10, 3)
    seconds = 0.15 + 0.003 * len(response) + rng.lognormvariate(-2.2, 0.7)
    return round(seconds * (6 if rng.random() < 0.008 else 1), 3)


def _cost(asked: int, answered: int) -> float:
    return round(asked * _DOLLARS_PER_INPUT_TOKEN + answered * _DOLLARS_PER_OUTPUT_TOKEN, 8)


def _feedback(interaction: Interaction, rng: random.Random, pace: float) -> list[Feedback]:
    if rng.random() >= (0.16 if interaction.right else 0.2):
        return []
    slow = interaction.latency > 2.5
    pleased = rng.random() < ((0.6 if slow else 0.94) if interaction.right else 0.12)
    comment = None
    if rng.random() < (0.2 if pleased else 0.45):
        words = rng.choice(_COMMENTS[_mood(interaction, pleased, slow)])
        comment = words.format(intent=(interaction.intent or "").replace("_", " "))
    delay = interaction.latency + (2 + rng.lognormvariate(4.5, 1.8)) / pace
    return [
        Feedback(
            time=round(interaction.time + delay, 3),
            id=f"{rng.getrandbits(64):016x}",
            interaction=interaction.id,
            rating="up" if pleased else "down",
            comment=comment,
        )
    ]


def _mood(interaction: Interaction, pleased: bool, slow: bool) -> str:
    if pleased:
        return "human" if interaction.outcome == "handoff" else "right"
    if interaction.outcome in ("error", "fallback"):
        return interaction.outcome
    if slow:
        return "slow"
    return "sour" if interaction.right else "wrong"


def _next_query(
    last: Interaction, concern: Concern, rng: random.Random, new_product: bool
) -> tuple[Concern, str] | None:
    if last.outcome == "handoff" or (last.right and concern.topic in _CLOSING):
        return None
    if last.outcome == "error":
        return (concern, last.query) if rng.random() < 0.6 else None
    if concern.topic == "greeting" and last.right:
        following = _concern(rng, new_product)
    elif not last.right:
        if rng.random() < 0.3:
            return None
        following = concern
    elif rng.random() < 0.35:
        following = _concern(rng, new_product)
    elif rng.random() < 0.15:
        following = Concern("thanks", _TOPIC["thanks"].phrases)
    else:
        return None
    return following, following.utter(rng)
