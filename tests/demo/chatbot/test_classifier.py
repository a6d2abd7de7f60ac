from __future__ import annotations

import random

import pytest

from aiwatch.demo.chatbot.classifier import IntentClassifier, training_set
from aiwatch.demo.chatbot.language import utter
from aiwatch.demo.chatbot.topics import INTENTS, NEW_PRODUCT, TOPICS, UNSEEN


def test_there_are_at_least_twenty_intents_with_unique_names() -> None:
    assert len(INTENTS) == len(set(INTENTS)) >= 20


def test_no_phrase_stands_in_two_topics() -> None:
    phrases = [phrase for topic in TOPICS for phrase in topic.phrases]
    assert len(phrases) == len(set(phrases))


def test_the_training_set_covers_every_intent_and_is_always_the_same() -> None:
    assert training_set() == training_set()
    assert set(training_set()[1]) == set(INTENTS)


def test_a_guess_alone_is_the_same_as_in_a_batch(classifier: IntentClassifier) -> None:
    queries = ["where is my parcel", "reset my password", "tell me a joke"]
    assert classifier.guess(queries) == [classifier.guess([query])[0] for query in queries]
    assert classifier.guess([]) == []


def test_the_confidence_is_the_greatest_probability(classifier: IntentClassifier) -> None:
    query = "will i pay extra for my parcel"
    probabilities = classifier._pipeline.predict_proba([query])[0]
    [guess] = classifier.guess([query])
    assert guess.confidence == pytest.approx(probabilities.max(), abs=1e-4)
    assert guess.intent == classifier._pipeline.classes_[probabilities.argmax()]


def test_known_phrases_are_understood_and_new_ones_less(classifier: IntentClassifier) -> None:
    rng = random.Random(77)
    known = [(utter(p, rng), topic.name) for topic in TOPICS for p in topic.phrases[:-UNSEEN]]
    unseen = [(utter(p, rng), topic.name) for topic in TOPICS for p in topic.phrases[-UNSEEN:]]
    accuracy = {}
    for name, rows in (("known", known), ("unseen", unseen)):
        guesses = classifier.guess([text for text, _ in rows])
        right = [guess.intent == truth for guess, (_, truth) in zip(guesses, rows, strict=True)]
        accuracy[name] = sum(right) / len(right)
    assert accuracy["known"] > 0.97
    assert 1 / len(INTENTS) < accuracy["unseen"] < 0.8


def test_the_new_product_is_hardly_understood(classifier: IntentClassifier) -> None:
    rng = random.Random(78)
    guesses = classifier.guess([utter(phrase, rng) for phrase in NEW_PRODUCT * 5])
    assert sum(guess.confidence for guess in guesses) / len(guesses) < 0.4
