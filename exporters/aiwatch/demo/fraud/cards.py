"""Cards: the habits of their holders, and what is remembered of their payments."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from aiwatch.demo.fraud.terminals import Terminal, pick_home
from aiwatch.demo.rhythm import DAY, Rhythm

PAYMENTS_PER_CARD = 2.0
"""Payments of one card a day, on average."""

CARD_PAYMENTS = Rhythm.of(
    hours=(3, 2, 1.5, 1.5, 1.5, 2, 4, 7, 9, 10, 11, 13, 14, 12, 11, 11, 12, 14, 15, 14, 12, 10, 7, 5),
    days=(9, 9, 9, 10, 12, 13, 9),
)
"""Most at noon and after work, and on Fridays and Saturdays."""

USUAL_PLACE = 0.93
"""Share of payments at one of the card's favourite tills and shops."""

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


def make_card(rng: random.Random, since: float, terminals: Sequence[Terminal]) -> Card:
    """Draw a card that has been in use for a while, and not since `since`."""
    country, x, y = pick_home(rng)
    level = rng.lognormvariate(0.0, 0.45)
    mean = 45.0 * level * rng.lognormvariate(0.0, 0.15)
    tills = [t for t in terminals if t.country == country and not t.online]
    tills.sort(key=lambda t: (t.x - x) ** 2 + (t.y - y) ** 2)
    shops = [t for t in terminals if t.online]
    favourites = (*tills[:_FAVOURITE_TILLS], *rng.sample(shops, min(_FAVOURITE_SHOPS, len(shops))))
    last = _payment_before(since, rng)
    time, times = last, []
    while time > since - DAY:
        times.append(time)
        time = _payment_before(time, rng)
    where = rng.choice(favourites if rng.random() < USUAL_PLACE else terminals)
    return Card(
        country=country,
        x=x,
        y=y,
        level=level,
        opened=since - rng.expovariate(1 / (900 * DAY)) - DAY,
        favourites=favourites,
        mean=mean,
        payments=50,
        last=(last, x + rng.gauss(0, 8), y + rng.gauss(0, 8)) if where.online else (last, where.x, where.y),
        recent=[(t, round(mean * rng.lognormvariate(-0.3, 0.8), 2)) for t in reversed(times)],
    )


def _payment_before(time: float, rng: random.Random) -> float:
    """Draw when a card was last used before `time`, by the week's rhythm as all payments (by thinning)."""
    while True:
        time -= rng.expovariate(PAYMENTS_PER_CARD * CARD_PAYMENTS.peak / DAY)
        if rng.random() * CARD_PAYMENTS.peak < CARD_PAYMENTS.rate(time):
            return time


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance between two places, in their unit.

    >>> distance((0, 0), (3, 4))
    5.0
    """
    return math.hypot(one[0] - other[0], one[1] - other[1])
