from __future__ import annotations

import random

import pytest

from aiwatch.demo.chatbot.language import fill, mistype, utter
from aiwatch.demo.chatbot.topics import NEW_PRODUCT, OUT_OF_SCOPE, TOPICS


def test_every_slot_of_every_text_can_be_filled() -> None:
    rng = random.Random(1)
    texts = [text for topic in TOPICS for text in (*topic.phrases, *topic.replies)]
    for text in (*texts, *NEW_PRODUCT, *OUT_OF_SCOPE):
        assert "{" not in fill(text, rng)


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        fill("in {colour}", random.Random(1))


def test_typing_errors_keep_short_words_and_the_number_of_words() -> None:
    text = "where is my parcel and the invoice for it"
    wrong = mistype(text, random.Random(1), 1.0).split(" ")
    right = text.split(" ")
    assert len(wrong) == len(right)
    assert all((a != b) == (len(b) >= 4) or sorted(a) == sorted(b) for a, b in zip(wrong, right, strict=True))
    assert sum(a != b for a, b in zip(wrong, right, strict=True)) >= 3


def test_the_same_phrase_is_put_in_many_ways() -> None:
    rng = random.Random(1)
    assert len({utter("how do i return my parcel", rng) for _ in range(100)}) > 40
