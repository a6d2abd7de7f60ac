"""A baseline small enough to reckon with by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiwatch.profiles.baseline import FORMAT, Baseline, FeatureBaseline, Source
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Shape

HOUR = datetime(2026, 3, 1, 7, tzinfo=UTC)


def feature(shape: Shape, bins: list[int]) -> FeatureBaseline:
    return FeatureBaseline(shape, Counts(bins), normal_scores(bins))


def baseline(**changes: Any) -> Baseline:
    """Return a baseline of an amount with four bins, a country with two, and the score with two."""
    features = {
        "amount": feature(Numeric((1.0, 10.0, 100.0)), [25, 25, 25, 25]),
        "country": feature(Categorical(("DE", "FR")), [60, 40]),
        "score": feature(Numeric((0.5,)), [90, 10]),
    }
    usual: dict[str, Any] = {
        "format": FORMAT,
        "process": "card-fraud",
        "model_version": "3",
        "created": HOUR,
        "source": Source(("training.parquet",), "0" * 64, 100),
        "features": features,
        "relations": ("score", "amount", "country"),
        "sums": (0, 0, 0),
        "products": (0,) * 6,
        "segments": {"country": ("DE",)},
    }
    return Baseline(**(usual | changes))
