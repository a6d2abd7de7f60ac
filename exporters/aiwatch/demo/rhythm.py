"""When things happen: the weekly rhythm of a process, and arrivals that follow it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

DAY = 86_400.0
"""Seconds of a day."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How busy each hour and each weekday is, relative to the week's average of 1; in UTC.

    Build it with [`of`][aiwatch.demo.rhythm.Rhythm.of], which does the scaling.
    """

    hours: tuple[float, ...]
    days: tuple[float, ...]

    @classmethod
    def of(cls, hours: Sequence[float], days: Sequence[float]) -> Rhythm:
        """Scale 24 hourly and 7 daily weights (Monday first) so that the rate averages to 1 over a week.

        Raises:
            ValueError: if there are not 24 hours and 7 days.
        """
        if len(hours) != 24 or len(days) != 7:
            raise ValueError(f"a rhythm has 24 hours and 7 days, not {len(hours)} and {len(days)}")
        hour_mean, day_mean = fmean(hours), fmean(days)
        return cls(tuple(h / hour_mean for h in hours), tuple(d / day_mean for d in days))

    @property
    def peak(self) -> float:
        """An upper bound of `rate`."""
        return max(self.hours) * max(self.days)

    def rate(self, t: float) -> float:
        """Relative rate at epoch second `t`: linear between the full hours, 1 on the week's average.

        >>> flat = Rhythm.of([1] * 24, [2, 2, 2, 2, 2, 1, 1])
        >>> round(flat.rate(0.0) / flat.rate(2 * DAY), 6)  # 1970 began on a Thursday
        2.0
        """
        hours = t / 3600
        whole = int(hours)
        now, then = self.hours[whole % 24], self.hours[(whole + 1) % 24]
        return (now + (then - now) * (hours - whole)) * self.days[(whole // 24 + 3) % 7]

    def arrivals(self, start: float, end: float, per_day: float, rng: random.Random) -> Iterator[float]:
        """Draw arrival times in `[start, end)`, epoch seconds, `per_day` of them on the week's average.

        A Poisson process of varying rate, by thinning (Lewis and Shedler, 1979). `end` may be `math.inf`.

        >>> even = Rhythm.of([1] * 24, [1] * 7)
        >>> 900 < len(list(even.arrivals(0, DAY, 1000, random.Random(1)))) < 1100
        True
        """
        peak = self.peak
        t = start
        while True:
            t += rng.expovariate(peak * per_day / DAY)
            if t >= end:
                return
            if rng.random() * peak < self.rate(t):
                yield t
