"""The bot's ear: an intent classifier, really trained, in seconds, at start-up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from aiwatch.demo.chatbot.language import utter
from aiwatch.demo.chatbot.topics import TOPICS, UNSEEN

_TRAINING_SEED = 20
_UTTERANCES_PER_PHRASE = 6


@dataclass(frozen=True, slots=True)
class Guess:
    """The most probable intent and its probability (0..1, to four digits)."""

    intent: str
    confidence: float


class IntentClassifier:
    """TF-IDF of words and of letters within words, then logistic regression."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Wrap a fitted pipeline; use `train` to get one."""
        self._pipeline: Any = pipeline

    @classmethod
    def train(cls, texts: Sequence[str], intents: Sequence[str], *, strength: float = 30.0) -> IntentClassifier:
        """Fit on `texts` with their `intents`, both of the same length.

        Args:
            texts: utterances.
            intents: the right intent of each.
            strength: inverse of the regularisation; the higher, the bolder the probabilities.
        """
        pipeline = make_pipeline(
            make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), sublinear_tf=True, min_df=2),
            ),
            LogisticRegression(C=strength, max_iter=200, tol=1e-3),
        )
        pipeline.fit(list(texts), list(intents))
        return cls(pipeline)

    def guess(self, texts: Sequence[str]) -> list[Guess]:
        """Classify a batch; the result is the same as one by one, only faster."""
        if not texts:
            return []
        probabilities = self._pipeline.predict_proba(list(texts))
        best = probabilities.argmax(axis=1)
        names = self._pipeline.classes_[best]
        scores = probabilities[range(len(best)), best]
        return [Guess(str(name), round(float(score), 4)) for name, score in zip(names, scores, strict=True)]


def training_set() -> tuple[list[str], list[str]]:
    """Return the utterances and intents that the support desk's bot is trained on, always the same."""
    rng = random.Random(_TRAINING_SEED)
    rows = [
        (utter(phrase, rng), topic.name)
        for topic in TOPICS
        for phrase in topic.phrases[:-UNSEEN]
        for _ in range(_UTTERANCES_PER_PHRASE)
    ]
    return [text for text, _ in rows], [intent for _, intent in rows]


def train_support_bot() -> IntentClassifier:
    """Train the classifier of the demo's support desk."""
    return IntentClassifier.train(*training_set())
