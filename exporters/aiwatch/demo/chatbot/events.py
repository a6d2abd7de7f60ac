"""The support desk's events, in order of time: the one generator behind the history and the live run."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from itertools import islice

from aiwatch.demo.chatbot.classifier import Guess, IntentClassifier
from aiwatch.demo.chatbot.customer import visit
from aiwatch.demo.chatbot.records import Record
from aiwatch.demo.rhythm import Rhythm

SUPPORT_DESK = Rhythm.of(
    hours=(3, 2, 2, 2, 2, 3, 4, 6, 9, 11, 12, 12, 11, 11, 11, 11, 11, 11, 11, 11, 10, 8, 6, 4),
    days=(12, 11, 10, 10, 10, 7, 5),
)
"""Busy by day, most on Mondays, quiet at night and on Sundays."""

_TURNS_PER_VISIT = 1.82


def events(
    start: datetime,
    end: datetime | None,
    seed: int,
    classifier: IntentClassifier,
    *,
    per_day: float = 1500.0,
    degraded_from: datetime | None = None,
    pace: float = 1.0,
    batch: int = 4096,
) -> Iterator[Record]:
    """Generate interactions and feedback in `[start, end)`, ordered by time; the same arguments give the
    same events.

    Args:
        start: when the desk opens; times are aware.
        end: when it closes, None for never. What visits begun before would still bring afterwards is left
        out.
        seed: the source of chance; another seed or another start gives other events with other ids.
        classifier: what the bot understands with.
        per_day: interactions a day on the week's average, while the bot is healthy.
        degraded_from: from when on customers also ask about a product that the bot was not trained for.
        pace: how many times faster than real people the customers read, type and judge. A live demo of
            minutes needs this to show sessions and feedback.
        batch: visits that are classified together. It decides on speed only, never on the events.
    """
    opening = start.timestamp()
    closing = math.inf if end is None else end.timestamp()
    degraded = math.inf if degraded_from is None else degraded_from.timestamp()
    name = f"chatbot/{seed}/{opening:.3f}/{per_day:g}/{pace:g}/{degraded == opening}"
    arrivals = SUPPORT_DESK.arrivals(opening, closing, per_day / _TURNS_PER_VISIT, random.Random(name))
    visits = (
        (t, visit(t, random.Random(f"{name}/{number}"), new_product=t >= degraded, pace=pace))
        for number, t in enumerate(arrivals)
    )
    pending: list[tuple[float, str, Record]] = []
    while group := list(islice(visits, batch)):
        for record in _converse([talk for _, talk in group], classifier):
            heapq.heappush(pending, (record.time, record.id, record))
        latest = round(group[-1][0], 3)
        while pending and pending[0][0] < latest:
            yield heapq.heappop(pending)[2]
    while pending and pending[0][0] < closing:
        yield heapq.heappop(pending)[2]


def _converse(talks: Sequence[Generator[str, Guess, list[Record]]], classifier: IntentClassifier) -> Iterator[Record]:
    """Play the visits turn by turn, side by side, so that each turn is one batch for the classifier."""
    answers: list[Guess | None] = [None] * len(talks)
    while talks:
        waiting, queries = [], []
        for talk, answer in zip(talks, answers, strict=True):
            try:
                query = next(talk) if answer is None else talk.send(answer)
            except StopIteration as finished:
                yield from finished.value
            else:
                waiting.append(talk)
                queries.append(query)
        talks, answers = waiting, list(classifier.guess(queries))
