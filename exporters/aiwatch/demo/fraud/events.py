"""The fraud score's predictions, in order of time: the one generator behind the history and the live run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from aiwatch.demo.fraud.faults import BROKEN_FEATURE, Faults
from aiwatch.demo.fraud.model import FraudModel, decide
from aiwatch.demo.fraud.records import Features, Prediction
from aiwatch.demo.fraud.world import World

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
    faults: Faults | None = None,
) -> Iterator[Prediction]:
    """Generate predictions in `[start, end)`, ordered by time; the same arguments give the same predictions.

    Args:
        start: when the first card may be used; times are aware.
        end: when the last one may, None for never.
        seed: the source of chance; another seed or another start gives other events with other ids.
        model: what scores the payments.
        per_day: payments a day on the week's average.
        batch: payments that are scored together. It decides on speed only, never on the events.
        faults: what goes wrong, None for nothing; until then the events are the same.
    """
    opening = start.timestamp()
    name = f"fraud/{seed}/{opening:.3f}/{per_day:g}"
    rng = random.Random(name)
    world = World(name)
    world.warm_up(opening)
    lost = random.Random(f"{name}/lost")
    closing = math.inf if end is None else end.timestamp()
    payments = world.transactions(opening, closing, per_day, faults.online if faults else lambda time: 0.0)
    while group := list(islice(payments, batch)):
        given: list[Features] = [
            {**payment.features, BROKEN_FEATURE: None}
            if faults and lost.random() < faults.loses(payment.time)
            else payment.features
            for payment in group
        ]
        for payment, features, score in zip(group, given, model.score(given), strict=True):
            latency = 0.004 + rng.lognormvariate(-4.6, 0.5)
            error = None
            if rng.random() < _ERROR_SHARE:
                error, extra = rng.choice(_ERRORS)
                latency += extra
            yield Prediction(
                time=payment.time,
                id=f"{rng.getrandbits(64):016x}",
                features=features,
                score=None if error else score,
                decision=None if error else decide(score),
                latency=round(latency, 5),
                trace_id=f"{rng.getrandbits(128):032x}",
                error=error,
                fraud=payment.fraud,
            )
