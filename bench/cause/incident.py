"""A stream of hours in which something happens: what a plant returns, and what is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import polars as pl

from aiwatch.profiles.result import Result
from bench.cause.worlds import Floats, World


@dataclass(frozen=True)
class Hour:
    """The predictions of one hour. ``picked`` are rows of the world; ``score`` is NaN where there was an error."""

    features: pl.DataFrame
    picked: np.ndarray
    score: Floats
    outcome: Floats
    latency: Floats
    errors: np.ndarray
    version: str = "1"

    def with_(self, **changes: object) -> Hour:
        return replace(self, **changes)  # type: ignore[arg-type]


START = datetime(2026, 3, 2, tzinfo=UTC)
Happening = Callable[[Hour, float], Hour]
"""Changes an hour; the number says how far the incident has come, 0 to 1."""


@dataclass(frozen=True)
class Plant:
    """One cause in one variant. ``upstream`` are results of other processes while it lasts."""

    cause: str
    variant: str
    happens: Happening
    slowly: bool = False
    labelled: bool = True
    upstream: Mapping[str, Result] = field(default_factory=dict)


def usual_hour(world: World, picked: np.ndarray, rng: np.random.Generator) -> Hour:
    """Return what the rows ``picked`` look like when nothing happens."""
    features = world.features[picked]
    latency = 0.02 * np.exp(0.5 * rng.normal(size=len(picked)) + 0.1 * rng.normal())
    errors = rng.random(len(picked)) < 0.002
    score = np.where(errors, np.nan, world.score(features))
    return Hour(features, picked, score, world.truth[picked], latency, errors)
