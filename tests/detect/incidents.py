"""A small population with a score, and what can happen to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from aiwatch import names
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.files import Chunk, Compared, Piece, compare
from aiwatch.profiles.result import Result
from aiwatch.profiles.tables.build import build_baseline
from aiwatch.profiles.tables.columns import ERROR, LABEL, LATENCY, VERSION, Type
from aiwatch.profiles.tables.typed import Table

START = datetime(2026, 3, 2, tzinfo=UTC)
TYPES: dict[str, Type] = {"income": "numeric", "spent": "numeric", "age": "numeric", "country": "categorical"}


def rows(number: int, seed: int, *, richer: float = 0.0, fixed: float | None = None) -> pl.DataFrame:
    """Return predictions of people, whose wealth decides on what they earn, spend and where they live."""
    rng = np.random.default_rng(seed)
    wealth = rng.normal(richer, 1, number)
    income = np.exp(10 + 0.4 * wealth + 0.2 * rng.normal(size=number))
    spent = np.exp(4 + 0.5 * wealth + 0.4 * rng.normal(size=number))
    age = np.round(np.clip(40 + 12 * rng.normal(size=number), 18, 90), 2)
    country = np.where(wealth + rng.normal(size=number) > 0.5, "NL", np.where(rng.random(number) < 0.5, "DE", "PL"))
    score = scored(income, spent, age)
    return pl.DataFrame(
        {
            "income": income,
            "spent": spent,
            "age": age,
            "country": country,
            names.SCORE: score,
            LABEL: (rng.random(number) < score).astype(float),
            LATENCY: 0.02 * np.exp(0.4 * rng.normal(size=number)),
            ERROR: rng.random(number) < 0.002,
            VERSION: ["1"] * number,
        }
    )


def scored(income: Any, spent: Any, age: Any) -> Any:
    income, spent = (np.log(np.maximum(each, 1e-3)) for each in (income, spent))
    return 1 / (1 + np.exp(1 - 1.5 * (spent - 4) + 1.2 * (income - 10) + 0.02 * (age - 40)))


def rescored(frame: pl.DataFrame) -> pl.DataFrame:
    columns = (frame[name].fill_null(1.0).to_numpy() for name in ("income", "spent", "age"))
    return frame.with_columns(pl.Series(names.SCORE, np.nan_to_num(scored(*columns), nan=0.5)))


def found(hours: list[pl.DataFrame], upstream: dict[str, Result] | None = None) -> Chunk:
    """Return what is found in the last hour."""
    return compared_with_reference(hours, upstream).chunks[-1]


def compared_with_reference(hours: list[pl.DataFrame], upstream: dict[str, Result] | None = None) -> Compared:
    """Return what is found in every hour, with the profiles."""
    reference = rows(6000, 0)
    table = Table(reference.lazy(), TYPES, names.SCORE, False, True, len(reference), ("reference",), "0" * 64, ())
    baseline = build_baseline(table, "loans", created=START, model_version="1")
    times = [START + timedelta(hours=number) for number in range(len(hours))]
    pieces = [Piece(0, frame, at, at + timedelta(hours=1)) for frame, at in zip(hours, times, strict=True)]
    return compare(baseline, table, pieces, Criteria(), upstream)
