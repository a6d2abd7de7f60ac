"""How people put things: phrases with slots become utterances with names, manners and typing errors."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

SLOTS: Mapping[str, tuple[str, ...]] = {
    "item": (
        "phone case",
        "headphones",
        "smart watch",
        "tablet",
        "phone",
        "charger",
        "speaker",
        "webcam",
        "keyboard",
    ),
    "device": ("laptop", "phone", "tablet", "television", "game console"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "month": ("January", "March", "April", "June", "July", "September", "October", "December"),
    "city": ("Halden", "Norbury", "Eastmere", "Klarstadt", "Port Ansel", "Veldhuis"),
    "street": ("12 Mill Lane", "7 Harbour Road", "31 Station Street", "4 Linden Avenue", "88 Hill Rise"),
    "plan": ("Start", "Comfort", "Family", "Unlimited", "Flex"),
    "country": ("Spain", "Norway", "Japan", "Canada", "Turkey", "Italy", "Morocco"),
    "gb": ("2", "5", "10", "20", "50"),
}
"""Fixed fillers; `order`, `amount`, `email` and `phone` are made up each time."""

_NAMES = ("ana", "ben", "carla", "dmitri", "elif", "farid", "greta", "hugo", "ines", "jonas", "kim", "lena")

_OPENINGS = (
    "hi, ",
    "hello, ",
    "hey ",
    "good morning, ",
    "please ",
    "quick question: ",
    "sorry, ",
    "excuse me, ",
)
_ENDINGS = ("?", "?", ".", "!", " please", " thanks", "??", " asap")

_PARAPHRASES: Mapping[str, tuple[str, ...]] = {
    "i want to": ("i'd like to", "i need to", "i would like to"),
    "how do i": ("how can i", "how to", "tell me how i can"),
    "where is": ("where's", "can you tell me where is"),
    "what is": ("what's", "tell me"),
    "can you": ("could you", "would you"),
    "can i": ("could i", "is it possible to"),
    "i cannot": ("i can't", "i am not able to"),
    "do not": ("don't", "dont"),
    "does not": ("doesn't", "doesnt"),
    "i have not": ("i haven't", "i still have not"),
    "my": ("my", "our"),
}
_PARAPHRASE = re.compile(rf"\b({'|'.join(sorted(_PARAPHRASES, key=len, reverse=True))})\b")
_SLOT = re.compile(r"\{(\w+)\}")


def fill(phrase: str, rng: random.Random) -> str:
    """Replace each `{slot}` of `phrase` by something plausible.

    >>> fill("send it to {email}", random.Random(2))
    'send it to ana.21@example.com'

    Raises:
        KeyError: if the phrase names an unknown slot.
    """
    return _SLOT.sub(lambda match: _value(match[1], rng), phrase)


def _value(slot: str, rng: random.Random) -> str:
    if slot == "order":
        return f"{rng.choice('ABKR')}{rng.randrange(10_000, 99_999)}"
    if slot == "amount":
        return f"{rng.lognormvariate(3.2, 0.8):.2f}"
    if slot == "email":
        return f"{rng.choice(_NAMES)}.{rng.randrange(10, 99)}@example.com"
    if slot == "phone":
        return f"+1 202 555 01{rng.randrange(100):02d}"
    return rng.choice(SLOTS[slot])


def mistype(text: str, rng: random.Random, share: float) -> str:
    """Let about `share` of the words of four letters and more have a letter swapped, dropped or doubled."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if len(word) < 4 or rng.random() >= share:
            continue
        at = rng.randrange(1, len(word) - 1)
        pair = word[at : at + 2]
        slip = rng.choice((pair[::-1], pair[1:], pair[:1] + pair))
        words[place] = word[:at] + slip + word[at + 2 :]
    return " ".join(words)


def utter(phrase: str, rng: random.Random, *, typos: float = 0.03) -> str:
    """Say `phrase` as a customer would: slots filled, sometimes paraphrased, polite, hasty or mistyped.

    Args:
        phrase: text with slots, lower case.
        rng: the source of chance; the same state gives the same text.
        typos: share of words with a typing error.
    """
    if rng.random() < 0.4:
        phrase = _PARAPHRASE.sub(lambda match: rng.choice(_PARAPHRASES[match[1]]), phrase)
    text = mistype(fill(phrase, rng), rng, typos)
    if rng.random() < 0.3:
        text = rng.choice(_OPENINGS) + text
    if rng.random() < 0.4:
        text += rng.choice(_ENDINGS)
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text
