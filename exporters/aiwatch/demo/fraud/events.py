"""The fraud score's predictions, in order of time: the one generator behind the history and the live run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from aiwatch.demo.fraud.model import FraudModel, decide
from aiwatch.demo.fraud.records import Prediction
from aiwatch.demo.fraud.world import World
from aiwatch.demo.rhythm import DAY

_WARM_UP_DAYS = 3
_WARM_UP_PER_DAY = 4000.0
_ERROR_SHARE = 0.001
_ERRORS = (
    ("TimeoutError: the feature store did not answer within 0.5 s", 0.5),
    ("ConnectionError: the model server closed the connection", 0.02),
)


def events(
    start: datetime,
    end: datetime | None,
    seed: int,
    model: FraudModel,
    *,
    per_day: float = 4000.0,
    batch: int = 4096,
) -> Iterator[Prediction]:
    """Generate predictions in `[start, end)`, ordered by time; the same arguments give the same predictions.

    Args:
        start: when the first card may be used; times are aware.
        end: when the last one may, None for never.
        seed: the source of chance; another seed or another start gives other events with other ids.
        model: what scores the payments.
        per_day: payments a day on the week's average.
        batch: payments that are scored together. It decides on speed only, never on the events.
    """
    opening = start.timestamp()
    name = f"fraud/{seed}/{opening:.3f}/{per_day:g}"
    rng = random.Random(name)
    world = World(name)
    for _ in world.transactions(opening - _WARM_UP_DAYS * DAY, opening, _WARM_UP_PER_DAY):
        pass  # cards and terminals have a past when the first event comes
    payments = world.transactions(opening, math.inf if end is None else end.timestamp(), per_day)
    while group := list(islice(payments, batch)):
        scores = model.score([payment.features for payment in group])
        for payment, score in zip(group, scores, strict=True):
            latency = 0.004 + rng.lognormvariate(-4.6, 0.5)
            error = None
            if rng.random() < _ERROR_SHARE:
                error, extra = rng.choice(_ERRORS)
                latency += extra
            yield Prediction(
                time=payment.time,
                id=f"{rng.getrandbits(64):016x}",
                features=payment.features,
                score=None if error else score,
                decision=None if error else decide(score),
                latency=round(latency, 5),
                trace_id=f"{rng.getrandbits(128):032x}",
                error=error,
                fraud=payment.fraud,
            )
