"""A second family of generators, written apart and never looked at while weights and signs were chosen.

Other populations (linear traits, mixtures of groups), other ways to plant: whole files instead of hours, without
anything before the change.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from bench.cause.incident import Happening, Hour, Plant
from bench.cause.worlds import Floats, Model, World

ROWS = 40_000


def worlds() -> Iterator[World]:
    """Yield patients (two groups, linear traits) and claims (a mixture of products with their own price lists)."""
    rng = np.random.default_rng(77)
    old = rng.random(ROWS) < 0.4
    age = np.where(old, rng.normal(68, 7, ROWS), rng.normal(38, 9, ROWS)).round()
    weight = rng.normal(62 + 0.2 * age, 9)
    pressure = rng.normal(95 + 0.45 * age + 0.2 * (weight - 70), 10)
    glucose = np.exp(rng.normal(4.5 + 0.004 * (weight - 70), 0.15))
    visits = rng.negative_binomial(2, 0.4, ROWS).astype(float)
    ward = np.where(old, rng.choice(["geriatrics", "cardiology"], ROWS), rng.choice(["surgery", "cardiology"], ROWS))
    smoker = np.where(rng.random(ROWS) < 0.25, "yes", "no")
    columns = {
        "age": age, "weight_kg": weight, "pressure": pressure, "glucose": glucose, "visits": visits, "ward": ward,
        "smoker": smoker,
    }  # fmt: skip
    chance = 1 / (1 + np.exp(6 - 0.03 * age - 0.02 * pressure - 0.8 * (smoker == "yes") - 0.01 * (weight - 70)))
    yield _world("patients", pl.DataFrame(columns), chance, rng)
    product = rng.choice(["car", "home", "travel", "phone"], ROWS, p=[0.4, 0.3, 0.2, 0.1])
    level = np.array([{"car": 7.2, "home": 7.8, "travel": 5.6, "phone": 5.0}[each] for each in product])
    amount = np.exp(level + rng.normal(0, 0.6, ROWS)).round(2)
    premium = (amount * rng.uniform(0.05, 0.2, ROWS)).round(2)
    days = rng.exponential(np.where(product == "travel", 10, 60), ROWS).round(1)
    earlier = rng.poisson(0.7, ROWS).astype(float)
    region = rng.choice(["north", "south", "east", "west"], ROWS, p=[0.4, 0.3, 0.2, 0.1])
    columns = {
        "amount": amount, "premium": premium, "days": days, "earlier": earlier, "product": product, "region": region,
    }  # fmt: skip
    chance = 1 / (1 + np.exp(3.2 - 0.5 * (np.log(amount) - level) - 0.5 * earlier + 0.01 * days))
    yield _world("claims", pl.DataFrame(columns), chance, rng)


def _world(name: str, features: pl.DataFrame, chance: Floats, rng: np.random.Generator) -> World:
    truth = (rng.random(ROWS) < chance).astype(float)
    return World(name, features, truth, Model(features[:10_000], truth[:10_000]))


def plants(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    """Yield every variant once; there are no processes upstream in files."""
    number, other = (str(name) for name in rng.choice(world.numbers, 2, replace=False))
    text = str(rng.choice(world.categories))
    column, half = pl.col(number), float(world.features[number].quantile(0.5) or 0.0)
    for variant, changed in {
        "nulls at random": pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise(column),
        "all null": pl.lit(None, pl.Float64),
        "nulls where it is large": pl.when(column > half).then(None).otherwise(column),
        "cents": column * 100,
        "thousands": column / 1000,
        "half of the rows in cents": pl.when(pl.int_range(pl.len()) % 2 == 0).then(column * 100).otherwise(column),
        "negated": -column,
        "stuck": pl.lit(float(world.features[number][5])),
        "missing as 0": pl.when(pl.int_range(pl.len()) % 4 == 0).then(0.0).otherwise(column),
        "missing as -999": pl.when(pl.int_range(pl.len()) % 12 == 0).then(-999.0).otherwise(column),
    }.items():
        yield Plant("pipeline", variant, _columns(world, changed.alias(number)))
    word = pl.col(text)
    yield Plant("pipeline", "title case", _columns(world, word.str.to_titlecase()))
    yield Plant("pipeline", "space behind", _columns(world, (word + " ")))
    yield Plant("pipeline", "codes for words", _columns(world, ("c" + word.rank("dense").cast(pl.String)).alias(text)))
    new = pl.when(pl.int_range(pl.len()) % 6 == 0).then(pl.lit("n/a")).otherwise(word).alias(text)
    yield Plant("pipeline", "a new word", _columns(world, new))
    exchanged = _columns(world, pl.col(number).alias(other), pl.col(other).alias(number))
    yield Plant("pipeline", "columns exchanged", exchanged)
    yield Plant("pipeline", "loaded twice", _twice)
    for variant, logs in _selections(world, number, other, text, rng):
        yield Plant("population", variant, _selected(world, logs, rng))
    high = world.features[number].fill_null(half).to_numpy() > half

    def riskier(hour: Hour, share: float, where: np.ndarray) -> Hour:
        turned = where[hour.picked] & (rng.random(len(hour.outcome)) < share)
        return hour.with_(outcome=np.maximum(hour.outcome, turned))

    yield Plant("concept", "riskier", lambda hour, _: riskier(hour, 0.2, high | True))
    yield Plant("concept", "riskier in one half", lambda hour, _: riskier(hour, 0.35, high))
    yield Plant("concept", "turned round", lambda hour, _: hour.with_(outcome=1 - hour.outcome))
    swapped = Model(world.features[10_000:20_000], 1 - world.truth[10_000:20_000], max_iter=30)
    shallow = Model(world.features[10_000:20_000], world.truth[10_000:20_000], max_iter=8, max_leaf_nodes=4)
    yield Plant("model", "trained on reversed labels", _answered(lambda hour: swapped.score(hour.features), "2.0"))
    yield Plant("model", "a shallow one", _answered(lambda hour: shallow.score(hour.features), "2.0"))
    shifted = _answered(lambda hour: 1 / (1 + 0.4 * (1 / np.clip(hour.score, 1e-6, 1 - 1e-6) - 1)), "1")
    yield Plant("model", "logits shifted", shifted)
    yield Plant("model", "rounded to tenths", _answered(lambda hour: np.round(hour.score, 1), "2.0"))
    yield Plant("infrastructure", "timeouts", lambda hour, _: _failing(hour, rng.random(len(hour.errors)) < 0.08, 4.0))
    yield Plant("infrastructure", "slow", lambda hour, _: _failing(hour, hour.errors, 3.0))
    yield Plant("infrastructure", "errors", lambda hour, _: _failing(hour, rng.random(len(hour.errors)) < 0.12, 1.0))


def _columns(world: World, *changed: pl.Expr) -> Happening:
    def happen(hour: Hour, _: float) -> Hour:
        features = hour.features.with_columns(*changed)
        return hour.with_(features=features, score=np.where(hour.errors, np.nan, world.score(features)))

    return happen


def _twice(hour: Hour, _: float) -> Hour:
    rows = np.arange(len(hour.features)).repeat(2)
    return Hour(
        hour.features[rows], hour.picked[rows], hour.score[rows], hour.outcome[rows], hour.latency[rows],
        hour.errors[rows],
    )  # fmt: skip


def _selections(
    world: World, number: str, other: str, text: str, rng: np.random.Generator
) -> Iterator[tuple[str, Floats]]:
    """Yield log weights of the world's rows."""
    z = {
        name: (world.features[name].rank("average") / len(world.features) - 0.5).to_numpy() * 3.4
        for name in (number, other)
    }
    yield "higher", 0.9 * z[number]
    yield "lower", -0.7 * z[number]
    yield "two at once", 0.6 * z[number] + 0.6 * z[other]
    yield "extremes", 0.6 * z[number] ** 2
    values = world.features[text]
    least = values.value_counts().sort("count")[text][0]
    yield "a category triples", np.where((values == least).to_numpy(), np.log(3.0), 0.0)
    yield "a category is gone", np.where((values == least).to_numpy(), -20.0, 0.0)
    yield "above the median only", np.where(z[number] > 0, 0.0, -20.0)


def _selected(world: World, logs: Floats, rng: np.random.Generator) -> Happening:
    def happen(hour: Hour, _: float) -> Hour:
        picked = np.argpartition(-(logs + rng.gumbel(size=len(logs))), len(hour.picked))[: len(hour.picked)]
        features = world.features[picked]
        score = np.where(hour.errors, np.nan, world.score(features))
        return hour.with_(features=features, picked=picked, outcome=world.truth[picked], score=score)

    return happen


def _answered(score: object, version: str) -> Happening:
    return lambda hour, _: hour.with_(score=np.where(hour.errors, np.nan, score(hour)), version=version)  # type: ignore[operator]


def _failing(hour: Hour, failed: np.ndarray, slower: float) -> Hour:
    failed = failed | hour.errors
    return hour.with_(errors=failed, latency=hour.latency * slower, score=np.where(failed, np.nan, hour.score))
