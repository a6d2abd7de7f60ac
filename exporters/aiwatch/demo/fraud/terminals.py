"""Terminals: where cards are used, what is sold there, and how much fraud was seen."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from aiwatch.demo.rhythm import DAY

COUNTRIES = {
    "DE": (0.0, 0.0),
    "FR": (-700.0, -150.0),
    "NL": (-400.0, 150.0),
    "PL": (800.0, 50.0),
    "ES": (-1500.0, -1100.0),
}
"""Centre of each country, in kilometres east and north of the first one's."""

USUAL_AMOUNTS = {
    "grocery": 28.0,
    "restaurant": 32.0,
    "services": 45.0,
    "fuel": 55.0,
    "fashion": 60.0,
    "entertainment": 25.0,
    "pharmacy": 18.0,
    "electronics": 160.0,
    "travel": 240.0,
    "jewellery": 220.0,
}
"""What is usually spent at each merchant category, in euros."""

_COUNTRY_WEIGHTS = (60, 12, 12, 9, 7)
_CATEGORY_WEIGHTS = (30, 16, 11, 10, 9, 8, 7, 5, 3, 1)
_ONLINE_SHARE = 0.2
_SKIMMED_DAYS = 4
_SKIMMED_SHARE = 0.006
_CONFIRMED_AFTER = 1 * DAY
_RISK_WINDOW = 14 * DAY
_PRIOR_PAYMENTS = 30
_PRIOR_RISK = 0.004


@dataclass(slots=True)
class Tally:
    """Payments at one terminal in the last two weeks, and those among them that were confirmed as fraud."""

    _payments: deque[tuple[float, bool]] = field(default_factory=deque)
    _unconfirmed: deque[tuple[float, bool]] = field(default_factory=deque)
    _frauds: int = 0

    def add(self, time: float, fraud: bool) -> None:
        """Count a payment; what it truly was comes out a day later."""
        self._unconfirmed.append((time, fraud))

    def risk(self, now: float) -> float:
        """Share of confirmed fraud, drawn towards the general share while there are few payments.

        >>> tally = Tally()
        >>> for second in range(20):
        ...     tally.add(second, fraud=True)
        >>> round(tally.risk(60), 3), round(tally.risk(2 * DAY), 3)
        (0.004, 0.402)
        """
        while self._unconfirmed and self._unconfirmed[0][0] <= now - _CONFIRMED_AFTER:
            payment = self._unconfirmed.popleft()
            self._payments.append(payment)
            self._frauds += payment[1]
        while self._payments and self._payments[0][0] <= now - _RISK_WINDOW:
            self._frauds -= self._payments.popleft()[1]
        return (self._frauds + _PRIOR_RISK * _PRIOR_PAYMENTS) / (len(self._payments) + _PRIOR_PAYMENTS)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A till or an online shop; `x` and `y` are where it stands, in kilometres."""

    country: str
    x: float
    y: float
    category: str
    online: bool
    skim_phase: float
    tally: Tally

    def skimmed(self, t: float) -> bool:
        """Tell whether copied cards are used here at epoch second `t`: some days in a long cycle, not online."""
        cycle = _SKIMMED_DAYS * DAY / _SKIMMED_SHARE
        return not self.online and (t + self.skim_phase * cycle) % cycle < _SKIMMED_DAYS * DAY


def pick_home(rng: random.Random) -> tuple[str, float, float]:
    """Draw a country and a place in it, in kilometres, as dense as people live."""
    country = rng.choices(tuple(COUNTRIES), _COUNTRY_WEIGHTS)[0]
    east, north = COUNTRIES[country]
    return country, east + rng.gauss(0, 120), north + rng.gauss(0, 120)


def make_terminal(rng: random.Random) -> Terminal:
    """Draw a terminal that nobody has used yet."""
    country, x, y = pick_home(rng)
    return Terminal(
        country=country,
        x=x,
        y=y,
        category=rng.choices(tuple(USUAL_AMOUNTS), _CATEGORY_WEIGHTS)[0],
        online=rng.random() < _ONLINE_SHARE,
        skim_phase=rng.random(),
        tally=Tally(),
    )
