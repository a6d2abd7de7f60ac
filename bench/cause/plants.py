"""The causes, each in many variants and strengths: the family of generators that development looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from aiwatch.profiles.result import Finding, Result
from bench.cause.incident import START, Happening, Hour, Plant
from bench.cause.worlds import Floats, Model, World

Change = Callable[[pl.Series, np.random.Generator], pl.Series]


def plants(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    """Yield every variant once, with features and strengths by chance."""
    yield from pipeline(world, rng)
    yield from population(world, rng)
    yield from concept(world, rng)
    yield from model(world, rng)
    yield from upstream(world, rng)
    yield from infrastructure(rng)


def on_columns(
    world: World, names: list[str], change: Change, rng: np.random.Generator, share: float = 1.0
) -> Happening:
    """Return a happening that changes columns, of a share of rows, before the model sees them."""

    def happen(hour: Hour, progress: float) -> Hour:
        features = hour.features
        hit = pl.Series(rng.random(len(features)) < share * progress)
        for name in names:
            changed = change(features[name], rng)
            old = features[name].cast(changed.dtype) if changed.dtype != features[name].dtype else features[name]
            values = pl.select(pl.when(hit).then(changed).otherwise(old)).to_series()
            features = features.with_columns(values.alias(name))
        return hour.with_(features=features, score=np.where(hour.errors, np.nan, world.score(features)))

    return happen


def pipeline(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    numbers, texts = list(rng.permutation(world.numbers)), list(rng.permutation(world.categories))
    every = list(rng.permutation([*numbers, *texts]))

    def plant(variant: str, names: list[str], change: Change, share: float = 1.0) -> Plant:
        return Plant("pipeline", variant, on_columns(world, names, change, rng, share))

    gone: Change = lambda column, _: pl.Series(column.name, [None] * len(column), column.dtype)  # noqa: E731
    yield plant("missing", [every[0]], gone, float(rng.choice([0.03, 0.15, 0.7, 1.0])))
    yield plant("missing group", every[1:4], gone, float(rng.choice([0.1, 0.5])))
    yield plant(
        "unseen",
        [texts[0]],
        lambda c, _: pl.Series([f"new-{len(str(v)) % 2}" for v in c]),
        float(rng.choice([0.05, 0.4])),
    )
    yield plant("upper case", [texts[-1]], lambda c, _: c.str.to_uppercase().str.replace("^(.*)$", " ${1}"))
    yield plant("prefix", [texts[0]], lambda c, _: "v2:" + c)
    yield plant(
        "frozen", [numbers[0]], lambda c, r: c.clear().extend_constant(float(r.permutation(c.drop_nulls())[0]), len(c))
    )
    yield plant("default 0", [numbers[1]], lambda c, _: pl.Series([0.0] * len(c)), float(rng.choice([0.1, 0.5, 1.0])))
    yield plant("default -1", [numbers[2]], lambda c, _: pl.Series([-1.0] * len(c)), float(rng.choice([0.05, 0.3])))
    factor = float(rng.choice([0.001, 0.01, 0.1, 10, 60, 100, 1000]))
    yield plant(f"times {factor:g}", [numbers[0]], lambda c, _: c * factor, float(rng.choice([0.2, 1.0, 1.0])))
    unit = float(rng.choice([0.4536, 1.609, 2.54, 3.281]))
    yield plant(f"times {unit:g}", [numbers[1]], lambda c, _: c * unit)
    yield plant("opposite sign", [numbers[2]], lambda c, _: -c)
    cap = float(world.features[numbers[0]].quantile(0.7) or 0)
    yield plant("clipped", [numbers[0]], lambda c, _: c.clip(upper_bound=cap))
    yield plant("rounded", [world.numbers[0]], lambda c, _: (c / (c.std() or 1)).round() * (c.std() or 1))
    yield Plant("pipeline", "swapped", swap(world, numbers[0], numbers[1]))
    if world.related:
        yield plant("shuffled", [numbers[0], texts[0]], lambda c, r: c.gather(r.permutation(len(c)).tolist()))
    yield Plant("pipeline", "duplicates", repeat(float(rng.choice([0.3, 1.0])), rng))
    yield Plant("pipeline", "volume", fewer(0.3, rng))


def swap(world: World, one: str, other: str) -> Happening:
    def happen(hour: Hour, progress: float) -> Hour:
        features = hour.features.with_columns(pl.col(one).alias(other), pl.col(other).alias(one))
        return hour.with_(features=features, score=np.where(hour.errors, np.nan, world.score(features)))

    return happen


def chosen(hour: Hour, rows: np.ndarray) -> Hour:
    return Hour(
        hour.features[rows],
        hour.picked[rows],
        hour.score[rows],
        hour.outcome[rows],
        hour.latency[rows],
        hour.errors[rows],
    )


def repeat(share: float, rng: np.random.Generator) -> Happening:
    def happen(hour: Hour, progress: float) -> Hour:
        rows = np.arange(len(hour.features))
        return chosen(hour, np.concatenate([rows, rows[rng.random(len(rows)) < share]]))

    return happen


def fewer(share: float, rng: np.random.Generator) -> Happening:
    return lambda hour, progress: chosen(hour, np.flatnonzero(rng.random(len(hour.features)) < share))


def reweighted(world: World, weights: Floats, rng: np.random.Generator) -> Happening:
    """Return a happening in which rows are drawn by weight, more so with progress."""

    def happen(hour: Hour, progress: float) -> Hour:
        logs = progress * np.log(np.maximum(weights, 1e-12)) + rng.gumbel(size=len(weights))
        picked = np.argpartition(-logs, len(hour.picked))[: len(hour.picked)]
        features = world.features[picked]
        score = np.where(hour.errors, np.nan, world.score(features))
        return hour.with_(features=features, picked=picked, outcome=world.truth[picked], score=score)

    return happen


def population(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    numbers, texts = list(rng.permutation(world.numbers)), list(rng.permutation(world.categories))
    ranks = {
        name: world.features[name].rank().fill_null(strategy="mean").to_numpy() / len(world.features)
        for name in numbers
    }
    size = float(rng.choice([0.7, 1.2, 2.0]))

    def plant(variant: str, weights: Floats, slowly: bool) -> Plant:
        return Plant("population", variant, reweighted(world, weights, rng), slowly)

    slope = np.exp(size * 3.4 * (ranks[numbers[0]] - 0.5) * rng.choice([-1, 1]))
    yield plant("one number, smooth", slope, False)
    yield plant("one number, slowly", slope, True)
    both = np.exp(size * 2.4 * ((ranks[numbers[1]] - 0.5) * rng.choice([-1, 1]) + (ranks[numbers[2]] - 0.5)))
    yield plant("two numbers", both, bool(rng.random() < 0.5))
    codes = world.features[texts[0]].rank("dense").fill_null(0).to_numpy()
    yield plant("mix of categories", np.exp(size * rng.normal(size=codes.max() + 1))[codes], bool(rng.random() < 0.5))
    yield plant("filtered", (ranks[numbers[0]] > 0.35) + 1e-9, False)
    middle = np.exp(-0.5 * ((ranks[numbers[1]] - 0.5) / 0.2) ** 2)
    yield plant("the middle", middle, False)
    parts = [(ranks[name] - 0.5) * rng.choice([-1, 1]) for name in numbers[:4]]
    yield plant("many numbers", np.exp(1.5 * np.sum(parts, axis=0)), True)


def concept(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    def plant(variant: str, change: Callable[[Hour], Floats], slowly: bool) -> Plant:
        def happen(hour: Hour, progress: float) -> Hour:
            hit = rng.random(len(hour.outcome)) < progress
            return hour.with_(outcome=np.where(hit, change(hour), hour.outcome))

        return Plant("concept", variant, happen, slowly)

    rate = float(world.truth.mean())
    share = float(rng.choice([0.1, 0.25, 0.5]))
    yield plant("more positives", lambda h: np.maximum(h.outcome, rng.random(len(h.outcome)) < share), False)
    yield plant("more positives, slowly", lambda h: np.maximum(h.outcome, rng.random(len(h.outcome)) < share), True)
    yield plant("fewer positives", lambda h: h.outcome * (rng.random(len(h.outcome)) < 0.5), False)
    name = str(rng.choice(world.numbers))
    middle = float(world.features[name].median() or 0.0)  # type: ignore[arg-type]

    def among_some(hour: Hour) -> Floats:
        concerned = hour.features[name].fill_null(middle).to_numpy() > middle
        turned = rng.random(len(concerned)) < 0.5 * rate + 0.5 * (1 - hour.outcome)
        return np.where(concerned, turned, hour.outcome)

    yield plant("among some rows", among_some, False)


def model(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    def plant(variant: str, score: Callable[[pl.DataFrame, Floats], Floats], version: str, share: float = 1.0) -> Plant:
        def happen(hour: Hour, progress: float) -> Hour:
            new = np.clip(score(hour.features, hour.score), 0, 1)
            hit = rng.random(len(new)) < share
            return hour.with_(score=np.where(hit, new, hour.score), version=version)

        return Plant("model", variant, happen)

    half = len(world.features) // 4
    poor = Model(world.features[half : half + 2500], world.truth[half : half + 2500], 1, max_iter=15, max_leaf_nodes=5)
    yield plant("new version, other data", lambda f, s: world.score(f, poor), "2")
    yield plant("new version, recalibrated", lambda f, s: s**0.6, "2")
    yield plant("same version, recalibrated", lambda f, s: s**1.6, "1")
    yield plant("turned round", lambda f, s: 1 - s, str(rng.choice(["1", "2"])))
    yield plant("constant", lambda f, s: np.full(len(s), 0.3), "2")
    yield plant("noisy", lambda f, s: np.where(rng.random(len(s)) < 0.5, rng.random(len(s)), s), "1")


def drifted_upstream(since: datetime) -> Result:
    finding = Finding(
        feature="score", test="kolmogorov_smirnov", statistic=0.3, p_value=1e-9, effect=0.3, material=0.1,
        evidence=4.0, drifted=True, since=since, sudden=True,
    )  # fmt: skip
    return Result(
        id="risk:x", time=since, end=since + timedelta(hours=1), process="risk", model_version="1", baseline="b",
        rows=1000, state="drift", findings=(finding,),
    )  # fmt: skip


def upstream(world: World, rng: np.random.Generator) -> Iterator[Plant]:
    name = str(rng.choice(world.numbers))
    spread = float(world.features[name].std() or 1.0)  # type: ignore[arg-type]
    for variant, change in {
        "shifted": lambda c, _: c + 0.8 * spread,
        "compressed": lambda c, _: c * 0.6 + 0.4 * float(c.mean() or 0.0),
        "noisy": lambda c, r: c + spread * r.normal(size=len(c)),
    }.items():
        before = timedelta(hours=int(rng.choice([0, 1, 5, 20])))
        happens = on_columns(world, [name], change, rng)
        yield Plant(
            "upstream", variant, happens, upstream={"risk": drifted_upstream(START + timedelta(hours=8) - before)}
        )


def infrastructure(rng: np.random.Generator) -> Iterator[Plant]:
    def plant(variant: str, slower: float, failing: float) -> Plant:
        def happen(hour: Hour, progress: float) -> Hour:
            failed = hour.errors | (rng.random(len(hour.errors)) < failing * progress)
            score = np.where(failed, np.nan, hour.score)
            return hour.with_(latency=hour.latency * (1 + (slower - 1) * progress), errors=failed, score=score)

        return Plant("infrastructure", variant, happen, variant.endswith("slowly"))

    yield plant("slow", float(rng.choice([3, 10])), 0.0)
    yield plant("failing", 1.0, float(rng.choice([0.05, 0.3])))
    yield plant("both", 5.0, 0.15)
    yield plant("both, slowly", 6.0, 0.2)
