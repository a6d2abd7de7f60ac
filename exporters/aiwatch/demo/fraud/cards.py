"""Cards: the habits of their holders, and what is remembered of their payments."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from aiwatch.demo.fraud.terminals import Terminal, pick_home
from aiwatch.demo.rhythm import DAY

PAYMENTS_PER_CARD = 2.0
"""Payments of one card a day, on average."""

_FAVOURITE_TILLS = 6
_FAVOURITE_SHOPS = 2
_MEAN_MEMORY = 200


@dataclass(slots=True)
class Card:
    """One card: where its holder lives (`x`, `y` in kilometres), how much is spent (`level`, 1 is usual),
    and its past.

    `mean` is the average amount so far, `last` the time and place of the last payment, `recent` the times
    and amounts of the last 24 hours.
    """

    country: str
    x: float
    y: float
    level: float
    opened: float
    favourites: tuple[Terminal, ...]
    mean: float
    payments: int
    last: tuple[float, float, float]
    recent: list[tuple[float, float]]

    def recall(self, now: float) -> list[tuple[float, float]]:
        """Return the payments of the 24 hours before `now`, forgetting the older ones."""
        while self.recent and self.recent[0][0] <= now - DAY:
            del self.recent[0]
        return self.recent

    def remember(self, now: float, amount: float, place: tuple[float, float]) -> None:
        """Take a payment into the card's past."""
        self.recent.append((now, amount))
        self.payments = min(self.payments + 1, _MEAN_MEMORY)
        self.mean += (amount - self.mean) / self.payments
        self.last = (now, *place)


def make_card(rng: random.Random, now: float, terminals: Sequence[Terminal]) -> Card:
    """Draw a card that has been in use for a while when it is first met at `now`."""
    country, x, y = pick_home(rng)
    level = rng.lognormvariate(0.0, 0.45)
    mean = 45.0 * level * rng.lognormvariate(0.0, 0.15)
    tills = [t for t in terminals if t.country == country and not t.online]
    tills.sort(key=lambda t: (t.x - x) ** 2 + (t.y - y) ** 2)
    shops = [t for t in terminals if t.online]
    gap = rng.expovariate(PAYMENTS_PER_CARD / DAY)
    last, times = now - gap, []
    while gap < DAY:
        times.append(now - gap)
        gap += rng.expovariate(PAYMENTS_PER_CARD / DAY)
    return Card(
        country=country,
        x=x,
        y=y,
        level=level,
        opened=now - rng.expovariate(1 / (900 * DAY)) - DAY,
        favourites=(*tills[:_FAVOURITE_TILLS], *rng.sample(shops, min(_FAVOURITE_SHOPS, len(shops)))),
        mean=mean,
        payments=50,
        last=(last, x + rng.gauss(0, 10), y + rng.gauss(0, 10)),
        recent=[(t, round(mean * rng.lognormvariate(-0.3, 0.8), 2)) for t in reversed(times)],
    )


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance between two places, in their unit.

    >>> distance((0, 0), (3, 4))
    5.0
    """
    return math.hypot(one[0] - other[0], one[1] - other[1])
