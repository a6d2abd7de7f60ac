"""Payments by cards with habits, at terminals, by thieves at times: a generator with the truth about each.

Every card buys by habit: near home, at its own level of spending. Cards are made when they are first met,
from the seed and their number alone, each with a past of its own; so a world of many more payments a day has
more cards, not busier ones, and a card's features look the same at any speed. So do those of terminals,
which are always as many: each remembers so many of its payments, or each so often, that their number is the usual one.

Three kinds of fraud, which together stay below one percent of all payments:

* stolen card: a burst of payments within the hour, far from home, in shops whose goods are easily sold;
* skimmed terminal: for some days, copied cards are swiped at one till, for round amounts;
* account takeover: at night, from a new device, a few high payments to online shops.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple, TypeVar

from aiwatch.demo.fraud.cards import CARD_PAYMENTS, PAYMENTS_PER_CARD, USUAL_PLACE, Card, distance, make_card
from aiwatch.demo.fraud.records import Features, Pattern, Transaction
from aiwatch.demo.fraud.terminals import USUAL_AMOUNTS, Terminal, make_terminal
from aiwatch.demo.rhythm import DAY

_TERMINALS = 300
_USUAL_PER_DAY = 4000.0
_WARM_UP_DAYS = 15.0  # a day more than terminals remember
_MOST_CARDS = 50_000  # that are remembered, those used last; the others are forgotten, and made anew when used again
_STOLEN = 0.0005
_TAKEN_OVER = 0.0004
_SKIMMED_FRAUD = 0.35
_SOLD_ON = frozenset({"electronics", "jewellery", "fashion"})
_FAR_KM = 80.0
_FASTEST_KMH = 5000.0
_HIGHEST_AMOUNT = 20_000.0

_T = TypeVar("_T")


class _Payment(NamedTuple):
    """A payment that is about to happen, with the number of the card and the buyer's place."""

    time: float
    card: int
    terminal: Terminal
    amount: float
    channel: str
    new_device: bool
    place: tuple[float, float]
    fraud: Pattern | None


class World:
    """The payments of many cards at some hundred terminals, which are the same in every world.

    Args:
        seed: decides on cards and payments; may be any text.
    """

    def __init__(self, seed: str) -> None:
        """Set up the terminals; cards come as they are met."""
        self._seed = seed
        self._cards: dict[int, Card] = {}
        rng = random.Random("terminals")
        self._terminals = [make_terminal(rng) for _ in range(_TERMINALS)]
        self._shops = [t for t in self._terminals if t.online]
        self._sold_on = [t for t in self._terminals if t.category in _SOLD_ON]
        self._remembered = 1.0
        self._known_since = -math.inf  # every card that was used after it is remembered
        self._online: Callable[[float], float] = lambda time: 0.0

    def warm_up(self, start: float) -> None:
        """Let cards and terminals have a past as long as they remember, up to `start` (epoch seconds)."""
        for _ in self.transactions(start - _WARM_UP_DAYS * DAY, start, _USUAL_PER_DAY):
            pass

    def transactions(
        self, start: float, end: float, per_day: float, online: Callable[[float], float] = lambda time: 0.0
    ) -> Iterator[Transaction]:
        """Generate the payments in `[start, end)`, in order of time.

        A world remembers its payments: several calls must be for times that follow each other.

        Args:
            start: epoch seconds.
            end: likewise; may be `math.inf`.
            per_day: payments a day on the week's average.
            online: epoch seconds -> the share of payments that went to a till so far and go to a shop online now.
        """
        rng = random.Random(f"{self._seed}/payments/{start:.3f}")
        self._remembered = _USUAL_PER_DAY / per_day
        self._online = online
        self._known_since = start
        population = max(1, round(per_day / PAYMENTS_PER_CARD))
        planned: list[tuple[float, int, _Payment]] = []
        tie = count()
        for t in CARD_PAYMENTS.arrivals(start, end, per_day, rng):
            while planned and planned[0][0] < t:
                yield self._pay(heapq.heappop(planned)[2], rng)
            number = int(rng.random() * population)
            chance = rng.random()
            if chance >= _STOLEN + _TAKEN_OVER:
                yield self._pay(self._habit(t, number, rng), rng)
                continue
            thief = self._stolen if chance < _STOLEN else self._taken_over
            for payment in thief(t, number, rng):
                if payment.time < end:
                    heapq.heappush(planned, (payment.time, next(tie), payment))
        while planned:
            yield self._pay(heapq.heappop(planned)[2], rng)

    def _card(self, number: int, now: float) -> Card:
        card = self._cards.pop(number, None)
        if card is None:
            if len(self._cards) >= _MOST_CARDS:
                forgotten = self._cards.pop(next(iter(self._cards)))
                self._known_since = max(self._known_since, forgotten.last[0])
            # Had it been used since, it would be known: its past lies before that.
            card = make_card(random.Random(f"{self._seed}/card/{number}"), min(now, self._known_since), self._terminals)
        self._cards[number] = card
        return card

    def _habit(self, t: float, number: int, rng: random.Random) -> _Payment:
        card = self._card(number, t)
        usual_place = rng.random() < USUAL_PLACE
        terminal = _any(card.favourites if usual_place else self._terminals, rng)
        if (moved := self._online(t)) and not terminal.online and rng.random() < moved:
            terminal = _any(self._shops, rng)
        place = (terminal.x, terminal.y)
        if terminal.skimmed(t) and rng.random() < _SKIMMED_FRAUD:
            amount = _any((50.0, 100.0, 100.0, 150.0, 200.0, 250.0), rng)
            return _Payment(t, number, terminal, amount, "swipe", False, place, "skimmed-terminal")
        usual = USUAL_AMOUNTS[terminal.category] * card.level
        # The heavy tail: now and then somebody buys a sofa.
        factor = rng.paretovariate(1.6) if rng.random() < 0.02 else rng.lognormvariate(-0.2, 0.65)
        amount = round(min(usual * factor, _HIGHEST_AMOUNT), 2)
        if terminal.online:
            place = _around(card, 400.0 if rng.random() < 0.04 else 8.0, rng)
            return _Payment(t, number, terminal, amount, "online", rng.random() < 0.03, place, None)
        way = rng.random()
        channel = "contactless" if way < 0.7 else "chip" if way < 0.97 else "swipe"
        return _Payment(t, number, terminal, amount, channel, False, place, None)

    def _stolen(self, t: float, number: int, rng: random.Random) -> Iterator[_Payment]:
        card = self._card(number, t)
        home = (card.x, card.y)
        far = [s for s in self._sold_on if s.online or distance((s.x, s.y), home) > _FAR_KM] or self._terminals
        amount = 20.0 * rng.lognormvariate(0, 0.5)
        for _ in range(rng.randint(3, 7)):
            terminal = _any(far, rng)
            place = _around(card, 500.0, rng) if terminal.online else (terminal.x, terminal.y)
            channel = "online" if terminal.online else _any(("contactless", "swipe", "swipe"), rng)
            yield _Payment(t, number, terminal, round(amount, 2), channel, terminal.online, place, "stolen-card")
            t += rng.lognormvariate(5.6, 0.8)
            amount *= rng.uniform(1.1, 2.4)

    def _taken_over(self, t: float, number: int, rng: random.Random) -> Iterator[_Payment]:
        card = self._card(number, t)
        night = math.ceil(t / DAY) * DAY + rng.uniform(0.5, 4.5) * 3600
        place = _around(card, 500.0, rng)
        for _ in range(rng.randint(1, 4)):
            amount = round(350.0 * rng.lognormvariate(0, 0.7), 2)
            yield _Payment(night, number, _any(self._shops, rng), amount, "online", True, place, "account-takeover")
            night += rng.uniform(60, 900)

    def _pay(self, payment: _Payment, rng: random.Random) -> Transaction:
        now, amount, terminal = payment.time, payment.amount, payment.terminal
        card = self._card(payment.card, now)
        recent = card.recall(now)
        since = now - card.last[0]
        speed = distance(payment.place, card.last[1:]) / max(since, 60.0) * 3600
        features: Features = {
            "amount": amount,
            "hour": round(now % DAY / 3600, 2),
            "weekend": (now // DAY + 3) % 7 >= 5,
            "distance_km": None if rng.random() < 0.01 else round(distance(payment.place, (card.x, card.y)), 1),
            "speed_kmh": round(min(speed, _FASTEST_KMH), 1),
            "seconds_since_last": round(since, 1),
            "count_1h": sum(t > now - 3600 for t, _ in recent),
            "count_24h": len(recent),
            "amount_24h": round(sum(spent for _, spent in recent), 2),
            "amount_ratio": round(amount / card.mean, 3),
            "terminal_risk": None if rng.random() < 0.005 else round(terminal.tally.risk(now), 5),
            "card_age_days": int((now - card.opened) / DAY),
            "new_device": payment.new_device,
            "channel": payment.channel,
            "merchant_category": None if rng.random() < 0.003 else terminal.category,
            "country": terminal.country,
        }
        for _ in range(int(self._remembered + rng.random())):
            terminal.tally.add(now, payment.fraud is not None)
        card.remember(now, amount, payment.place)
        return Transaction(round(now, 3), features, payment.fraud)


def _any(choices: Sequence[_T], rng: random.Random) -> _T:
    return choices[int(rng.random() * len(choices))]


def _around(card: Card, kilometres: float, rng: random.Random) -> tuple[float, float]:
    return card.x + rng.gauss(0, kilometres), card.y + rng.gauss(0, kilometres)
