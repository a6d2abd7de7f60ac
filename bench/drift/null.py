"""False alarms: sixty days in which nothing changes, over and over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scipy.stats import chi2

from aiwatch.detect.aspects import Criteria
from aiwatch.detect.monitor import Monitor
from aiwatch.detect.rhythm import learn
from bench.drift.streams import Stream, World

DAYS = 60
PER_DAYS = 90  # the promise: one false alarm
WINDOWS = 24.0 * PER_DAYS


WORLDS = {
    "as the promise says": World(),
    "short training period (50,000 rows)": World(baseline_rows=50_000),
    "features with a daily season of 0.2 sd": World(season=0.2),
    "every feature wanders, 0.05 sd from day to day": World(wander=0.05),
    "hours overdispersed by 0.05 sd": World(jitter=0.05),
    "season, wander, overdispersion, short training": World(season=0.2, wander=0.05, jitter=0.05, baseline_rows=50_000),
}


def monitor(stream: Stream, *, rhythm: bool = True) -> Monitor:
    """Return a monitor as the product makes it; without ``rhythm`` as for a training table without times."""
    return Monitor(stream.baseline, Criteria(), WINDOWS, learn(stream.baseline, stream.past()) if rhythm else None)


def alarms(world: World, seed: int, days: int = DAYS) -> int:
    """Return how many times a process goes over to drift."""
    stream = Stream(world, seed)
    watch = monitor(stream)
    state, drifting, number = None, False, 0
    for window in stream.hours(24 * days):
        state, _ = watch.step(state, window)
        now = bool(state.alarms)
        number += now and not drifting
        drifting = now
    return number


@dataclass(frozen=True)
class Rate:
    """Alarms in a time, and the upper 95 % bound of their rate (Poisson, exact), both per 90 days."""

    alarms: int
    days: float

    @property
    def per_period(self) -> float:
        return self.alarms * PER_DAYS / self.days

    @property
    def bound(self) -> float:
        return float(chi2.ppf(0.95, 2 * self.alarms + 2) / 2 * PER_DAYS / self.days)


def rate(numbers: Iterable[int], days: float = DAYS) -> Rate:
    """Return the rate of repetitions that are so many days long each."""
    found = list(numbers)
    return Rate(sum(found), len(found) * days)


def seeds(first: int, number: int) -> Iterator[tuple[int, int]]:
    """Yield seeds for repetitions: three different blocks."""
    for place in range(number):
        yield place, first + 10_000 * (place % 3) + place
