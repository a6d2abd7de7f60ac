"""Categories that the training period did not have, and known ones that are written differently."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterator, Sequence

from aiwatch import names
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.signs.strength import share_error, strength
from aiwatch.detect.situation import Situation
from aiwatch.profiles.profile import Categorical, Counts
from aiwatch.report.numbers import percent

_MATERIAL = 0.003
_OF_BEFORE = 0.5
_GONE = 0.2  # a known category with less than this of its share is one that may be written differently now
_TOLD_APART = 20  # unseen values that are compared with known ones
_FACTORS = (10.0, 12.0, 24.0, 60.0, 100.0, 1000.0)


def categories(situation: Situation) -> Iterator[Sign]:
    """Yield inputs with more unseen categories than chance lets expect, and whether these are known ones."""
    yield Sign("unseen", 0.0)
    yield Sign("renamed", 0.0)
    for name in situation.suspects:
        feature = situation.baseline.features[name]
        if not isinstance(feature.shape, Categorical):
            continue
        counts = situation.now.features[name]
        unseen = sum(counts.unseen.values())
        was, now = _unseen_share(feature.counts), unseen / max(counts.rows, 1)
        error = math.hypot(share_error(now, counts.rows, was, feature.counts.rows), feature.unseen_error)
        size = strength(now - was, _MATERIAL + _OF_BEFORE * was, error, situation.tests(name))
        most = sorted((value for value in counts.unseen if value != names.OTHER), key=lambda v: -counts.unseen[v])
        shown = ", ".join(repr(value[:40]) for value in most[:3])
        yield Sign("unseen", size, f"{name}: {percent(now)} unseen categories ({shown}), was {percent(was)}", (name,))
        if size > 0.01:
            how, share = _renaming(feature.shape.values, feature.counts, counts, most[:_TOLD_APART])
            yield Sign("renamed", size * share, f"{name}: known categories {how} ({shown})", (name,))


def _unseen_share(counts: Counts) -> float:
    return sum(counts.unseen.values()) / max(counts.rows, 1)


def _renaming(known: Sequence[str], then: Counts, counts: Counts, unseen: Sequence[str]) -> tuple[str, float]:
    """Return how known categories were written anew, and which share of the unseen rows that explains."""
    rows = sum(counts.unseen[value] for value in unseen)
    if not rows:
        return "", 0.0
    found = {
        "in another case or spacing": _matched(unseen, {_plain(value) for value in known}, _plain),
        "as numbers of another type": _matched(unseen, {_number(value) for value in known} - {None}, _number),
        "with something before or behind": _without_affixes(unseen, known),
        "cut short": [v for v in unseen if len(v) >= 1 and any(k != v and k.startswith(v) for k in known)],
        "in another unit": _multiplied(unseen, known),
    }
    shares = {how: sum(counts.unseen[value] for value in values) / rows for how, values in found.items()}
    how = max(shares, key=lambda each: shares[each])
    if shares[how] < 0.7:
        return "under other names, with the same shares", _same_shares(then, counts, unseen)
    return how, shares[how]


def _matched(unseen: Sequence[str], known: Container[object], form: Callable[[str], object]) -> list[str]:
    return [value for value in unseen if form(value) in known]


def _plain(value: str) -> str:
    return re.sub(r"[\W_]+", "", value.casefold())


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _without_affixes(unseen: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the unseen values that are known but for what all of them have in front or at the end."""
    if len(unseen) < 2:
        return [
            value for value in unseen if any(len(k) > 1 and (value.startswith(k) or value.endswith(k)) for k in known)
        ]
    before = _common(unseen)
    behind = _common([value[::-1] for value in unseen])
    plain = {_plain(value) for value in known}
    tails = [
        value
        for value in unseen
        if any(
            _plain(value[start : len(value) - end]) in plain
            for start in range(before + 1)
            for end in range(min(behind, len(value) - start) + 1)
            if start or end
        )
    ]
    return tails


def _multiplied(unseen: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the unseen values that are known ones times one usual factor."""
    numbers = {number for value in known if (number := _number(value))}
    best: list[str] = []
    for factor in (*_FACTORS, *(1 / each for each in _FACTORS), -1.0):
        scaled = {round(number * factor, 9) for number in numbers}
        fit = [value for value in unseen if (number := _number(value)) and round(number, 9) in scaled]
        best = max(best, fit, key=len)
    return best


def _same_shares(then: Counts, counts: Counts, unseen: Sequence[str]) -> float:
    """Return how well the shares of unseen values are those of known categories that are gone, 0 to 1."""
    gone = _gone(then.bins, counts.bins)
    new = {value: counts.unseen[value] / counts.rows for value in unseen}
    large = sorted((share for share in new.values() if share > 0.02), reverse=True)
    if not large or len(gone) < len(large):
        return 0.0
    agree = [abs(was - now) < 0.1 * was + 0.01 for was, now in zip(gone, large, strict=False)]
    return sum(agree) / len(agree) * min(1.0, sum(large) / sum(new.values()))


def _gone(then: Sequence[int], now: Sequence[int]) -> list[float]:
    """Return the former shares of categories that have hardly any rows left, the largest first."""
    rows, remaining = max(sum(then), 1), max(sum(now), 1)
    shares = [(was / rows, is_ / remaining) for was, is_ in zip(then, now, strict=True)]
    return sorted((was for was, is_ in shares if is_ < _GONE * was), reverse=True)


def _common(texts: Sequence[str]) -> int:
    """Return with how many characters all of some texts begin alike.

    >>> _common(["v2:DE", "v2:DK", "v2:FR"])
    3
    """
    first, last = min(texts), max(texts)
    shorter = min(len(first), len(last))
    return next((place for place in range(shorter) if first[place] != last[place]), shorter)
