"""A bot trained on real customers' queries: BANKING77's first part to learn from, its second part to answer.

Casanueva et al., "Efficient Intent Detection with Dual Sentence Encoders", 2020. The data is not part of
this project.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiwatch.demo.chatbot.classifier import IntentClassifier
from aiwatch.instrument import ChatLog

FALLBACK_BELOW = 0.4
FEEDBACK_EVERY = 4
MODEL_VERSION = "banking77"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a store must show after it read the log."""

    interactions: int
    feedback: int
    by_intent: dict[str, int]
    by_outcome: dict[str, int]
    by_rating: dict[str, int]
    confidence_sum: float
    accuracy: float


def testbeds() -> Path:
    """Return the folder of the test beds: `AIWATCH_TESTBEDS`, or `../shared/testbeds` of the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "testbeds"
    return Path(os.environ.get("AIWATCH_TESTBEDS", beside))


def why_absent(folder: Path) -> str | None:
    """Say why BANKING77 cannot be used, for the message of a skipped test; None if it is there."""
    missing = [name for name in ("train.csv", "test.csv") if not (folder / "banking77" / name).is_file()]
    if not missing:
        return None
    where = folder / "banking77"
    return f"no {' and '.join(missing)} in {where}: set AIWATCH_TESTBEDS to the folder above"


def read(path: Path) -> tuple[list[str], list[str]]:
    """Read queries and their intents.

    Raises:
        KeyError: if the columns `text` and `category` are not there.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    return [text for text, _ in rows], [intent for _, intent in rows]


def answer_test_part(log: Path, folder: Path, end: datetime) -> Expected:
    """Train on the first part, log an answer to each query of the second, a second apart, the last before
    `end`.

    Every fourth answer gets feedback half a second later: up where the intent was right.

    Args:
        log: file to append to.
        folder: the test beds, as of `testbeds`.
        end: aware time.
    """
    classifier = IntentClassifier.train(*read(folder / "banking77" / "train.csv"))
    queries, truths = read(folder / "banking77" / "test.csv")
    chat = ChatLog(log, model="support-intents", model_version=MODEL_VERSION)
    intents: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    ratings: Counter[str] = Counter()
    guesses = classifier.guess(queries)
    start = end - timedelta(seconds=len(queries))
    for place, (query, guess) in enumerate(zip(queries, guesses, strict=True)):
        time = start + timedelta(seconds=place)
        outcome = "answered" if guess.confidence >= FALLBACK_BELOW else "fallback"
        interaction = chat.interaction(
            query=query,
            intent=guess.intent,
            confidence=guess.confidence,
            latency=0.1 + len(query) / 1000,
            session=f"s-{place // 3}",
            outcome=outcome,
            id=f"banking77-{place}",
            time=time,
        )
        intents[guess.intent] += 1
        outcomes[outcome] += 1
        if place % FEEDBACK_EVERY == 0:
            rating = "up" if guess.intent == truths[place] else "down"
            chat.feedback(
                interaction=interaction,
                rating=rating,
                id=f"banking77-{place}-feedback",
                time=time + timedelta(seconds=0.5),
            )
            ratings[rating] += 1
    if chat.dropped:
        raise OSError(f"{chat.dropped} events could not be written to {log}: look for a full disk")
    return Expected(
        interactions=outcomes.total(),
        feedback=ratings.total(),
        by_intent=dict(intents),
        by_outcome=dict(outcomes),
        by_rating=dict(ratings),
        confidence_sum=round(sum(guess.confidence for guess in guesses), 4),
        accuracy=sum(guess.intent == truth for guess, truth in zip(guesses, truths, strict=True)) / len(truths),
    )
