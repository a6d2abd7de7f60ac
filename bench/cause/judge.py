"""An incident through the real path: rows into profiles, profiles into a verdict, the verdict into causes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from aiwatch import names
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.files import Chunk, Piece, compare
from aiwatch.profiles.tables.build import build_baseline
from aiwatch.profiles.tables.typed import ERROR, LABEL, LATENCY, VERSION, Table, Type
from bench.cause.incident import START, Hour, Plant, usual_hour
from bench.cause.worlds import World

HOURS, BEGINS = 14, 8
REFERENCE = 15_000


def judge(world: World, plant: Plant | None, rows: int, rng: np.random.Generator, hours: int = HOURS) -> Chunk:
    """Return what is found in the last hour of a stream in which ``plant`` happens.

    With one hour only, there is nothing before the change: two files, and that is all.
    """
    order = rng.permutation(len(world.features))
    table = table_of(world, frame_of(usual_hour(world, order[:REFERENCE], rng)))
    baseline = build_baseline(table, "bench", created=START, model_version="1")
    begins = BEGINS if hours > 1 else 0
    pieces = []
    for number in range(hours):
        first = REFERENCE + number * rows
        hour = usual_hour(world, order[first : first + rows], rng)
        after = number - begins
        if plant is not None and after >= 0:
            hour = plant.happens(hour, (after + 1) / (hours - begins) if plant.slowly else 1.0)
        time = START + timedelta(hours=number)
        pieces.append(Piece(first, frame_of(hour), time, time + timedelta(hours=1)))
    upstream = plant.upstream if plant else {}
    return compare(baseline, table, pieces, Criteria(), upstream).chunks[-1]


def table_of(world: World, frame: pl.DataFrame) -> Table:
    types: dict[str, Type] = {name: "categorical" for name in world.categories}
    types |= {name: "numeric" for name in world.numbers}
    ordered = {name: types[name] for name in world.features.columns}
    return Table(frame.lazy(), ordered, names.SCORE, False, True, len(frame), ("reference",), "0" * 64, ())


def frame_of(hour: Hour) -> pl.DataFrame:
    return hour.features.with_columns(
        pl.Series(names.SCORE, hour.score),
        pl.Series(LABEL, hour.outcome),
        pl.Series(LATENCY, hour.latency),
        pl.Series(ERROR, hour.errors),
        pl.lit(hour.version).alias(VERSION),
    )
