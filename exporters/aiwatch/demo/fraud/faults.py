"""What goes wrong in the demo: a feed of features breaks, and the payments slowly become others."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aiwatch.demo.rhythm import DAY

BROKEN_FEATURE = "terminal_risk"
"""The feature whose feed breaks."""

LOST_SHARE = 0.7
"""Share of the payments that have no value for it while it is broken."""

_MOST_ONLINE = 0.6
_MOVING_DAYS = 2.0


@dataclass(frozen=True, slots=True)
class Faults:
    """When the feed breaks and is mended, and between when payments move to shops online; epoch seconds."""

    broken: float
    mended: float
    moving: float
    moved: float

    @classmethod
    def after(cls, start: float) -> Faults:
        """Return the faults of a run from `start`: the feed breaks in a minute, for ten; from 15 to 35, buyers move.

        >>> Faults.after(0.0)
        Faults(broken=60.0, mended=660.0, moving=900.0, moved=2100.0)
        """
        return cls(start + 60.0, start + 660.0, start + 900.0, start + 2100.0)

    @classmethod
    def before(cls, end: float, hours: float) -> Faults:
        """Return the faults of a past up to `end`: the feed has been broken for its last `hours`, and still is.

        >>> Faults.before(7200.0, 1).loses(3599), Faults.before(7200.0, 1).loses(3600)
        (0.0, 0.7)
        """
        return cls(end - hours * 3600.0, math.inf, math.inf, math.inf)

    @classmethod
    def gradually(cls, end: float) -> Faults:
        """Return the faults of a past up to `end`, and of what follows: buyers moved within its last two days.

        >>> [round(Faults.gradually(2 * DAY).online(day * DAY), 2) for day in (0, 1, 2, 3)]
        [0.0, 0.3, 0.6, 0.6]
        """
        return cls(math.inf, math.inf, end - _MOVING_DAYS * DAY, end)

    def loses(self, time: float) -> float:
        """Return the share of payments without the broken feature at `time`.

        >>> [Faults.after(0.0).loses(minute * 60) for minute in (0, 5, 12)]
        [0.0, 0.7, 0.0]
        """
        return LOST_SHARE if self.broken <= time < self.mended else 0.0

    def online(self, time: float) -> float:
        """Return the share of payments at tills that go to a shop online instead: a ramp, up to three in five.

        >>> [round(Faults.after(0.0).online(minute * 60), 2) for minute in (10, 20, 25, 60)]
        [0.0, 0.15, 0.3, 0.6]
        """
        if time <= self.moving:
            return 0.0
        return _MOST_ONLINE * min(1.0, (time - self.moving) / (self.moved - self.moving))
