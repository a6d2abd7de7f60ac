"""An incident through the real path: rows into profiles, profiles into a verdict, the verdict into causes."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import msgspec
import numpy as np
import polars as pl

from aiwatch import names
from aiwatch.catalogue.model import Process, build_process
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.files import Chunk, Piece, compare
from aiwatch.detect.hourly.judging import ProcessJudge
from aiwatch.detect.hourly.process_watch import merged
from aiwatch.detect.rhythm import learn
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result
from aiwatch.profiles.tables.build import build_baseline
from aiwatch.profiles.tables.columns import ERROR, LABEL, LATENCY, VERSION, Type
from aiwatch.profiles.tables.frames import FrameFold
from aiwatch.profiles.tables.typed import Table
from bench.cause.incident import START, Hour, Plant, usual_hour
from bench.cause.worlds import World

HOURS, BEGINS = 14, 8
WATCHED = 40  # hours that the service watches
LASTS = 24  # hours in which a slow change comes about
REFERENCE = 15_000
PAST = 120  # hours of the training period that the rhythm is learned from


def judge(world: World, plant: Plant | None, rows: int, rng: np.random.Generator, hours: int = HOURS) -> Chunk:
    """Return what is found in the last hour of a stream in which ``plant`` happens.

    With one hour only, there is nothing before the change: two files, and that is all.
    """
    order, table, baseline = _trained(world, rng)
    begins = BEGINS if hours > 1 else 0
    pieces = []
    for number in range(hours):
        first = REFERENCE + number * rows
        hour = usual_hour(world, order[first : first + rows], rng)
        hour = _after(hour, plant, number - begins, hours - begins)
        time = START + timedelta(hours=number)
        pieces.append(Piece(first, frame_of(hour), time, time + timedelta(hours=1)))
    upstream = plant.upstream if plant else {}
    return compare(baseline, table, pieces, Criteria(), upstream).chunks[-1]


def watch(world: World, plant: Plant | None, rows: int, rng: np.random.Generator) -> Result | None:
    """Return the first alarm of the hourly service on a stream in which ``plant`` happens, None if it keeps silent.

    A rhythm is known; rows after the training period come again from hour to hour, as there are not enough of them.
    """
    order, table, baseline = _trained(world, rng)
    fold = FrameFold(baseline)
    frame = table.frame.collect()
    size = REFERENCE // PAST
    times = [START - timedelta(hours=PAST - number) for number in range(PAST)]
    past = [_counted(fold, frame[number * size : (number + 1) * size], time) for number, time in enumerate(times)]
    rhythm = msgspec.Raw(msgspec.json.encode(learn(baseline, [profile for hour in past for profile in hour])))
    judge = ProcessJudge(_process(), msgspec.structs.replace(baseline, rhythm=rhythm))
    upstream = plant.upstream if plant else {}
    windows: list[Profile] = []
    memory = b""
    for number in range(WATCHED):
        hour = usual_hour(world, rng.choice(order[REFERENCE:], rows, replace=False), rng)
        frame = frame_of(_after(hour, plant, number - BEGINS, LASTS))
        window = _counted(fold, frame, START + timedelta(hours=number))
        windows += window
        memory, result = judge.judge(memory, merged(window), window, lambda _, seen=windows: seen, upstream)
        if result.state == "drift":
            return result
    return None


@cache
def _process() -> Process:
    """Return a model with the settings that hold where a file says nothing."""
    return build_process({
        "name": "bench", "title": "bench", "kind": "classifier", "business_unit": "bench", "owner": "a@example.com",
    })  # fmt: skip


def _trained(world: World, rng: np.random.Generator) -> tuple[np.ndarray, Table, Baseline]:
    """Return the rows of a world in an order by chance, and the first of them as table and as baseline."""
    order = rng.permutation(len(world.features))
    table = table_of(world, frame_of(usual_hour(world, order[:REFERENCE], rng)))
    return order, table, build_baseline(table, "bench", created=START, model_version="1")


def _after(hour: Hour, plant: Plant | None, after: int, lasts: int) -> Hour:
    """Return an hour that lies ``after`` hours behind the beginning of an incident, whose slow ones last so long."""
    if plant is None or after < 0:
        return hour
    return plant.happens(hour, min(1.0, (after + 1) / lasts) if plant.slowly else 1.0)


def _counted(fold: FrameFold, frame: pl.DataFrame, start: datetime) -> list[Profile]:
    return list(fold.by_version(frame, start, start + timedelta(hours=1)))


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
