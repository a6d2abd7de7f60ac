"""Guess what somebody meant to write, and say how to go on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def did_you_mean(written: str, allowed: Iterable[str]) -> str:
    """Return a question that names the closest allowed word, or what is allowed when nothing is close.

    >>> did_you_mean("treshold", ["threshold", "severity"])
    "did you mean 'threshold'?"
    >>> did_you_mean("ErrorRateHigh", ["error_rate_high", "log_not_read"])
    "did you mean 'error_rate_high'?"
    >>> did_you_mean("colour", ["threshold", "severity"])
    'allowed: severity, threshold'
    >>> did_you_mean("colour", [])
    ''
    """
    by_plain = {_plain(word): word for word in allowed}
    close = difflib.get_close_matches(_plain(written), by_plain, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_plain[close[0]]!r}?"
    if not by_plain:
        return ""
    words = sorted(by_plain.values())
    shown = ", ".join(words[:30]) + (", ..." if len(words) > 30 else "")
    return f"allowed: {shown}"


def install(extra: str) -> str:
    """Return how an optional part of aiwatch is installed; it is no package that a registry has.

    >>> install("kafka")
    "in the clone of aiwatch: pip install '.[kafka]'"
    """
    return f"in the clone of aiwatch: pip install '.[{extra}]'"


def slug(text: str) -> str:
    """Return the name closest to ``text`` that a process may bear, or an empty string.

    >>> slug("Support Chatbot_2!")
    'support-chatbot-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789").rstrip("-")[:60]


def _plain(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).lower()
