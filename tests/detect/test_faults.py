"""Faults that leave nothing impossible behind, each beside a change of the population that resembles it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from aiwatch import names
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.files import Chunk, Piece, compare
from aiwatch.profiles.tables.build import build_baseline
from aiwatch.profiles.tables.columns import Type
from aiwatch.profiles.tables.typed import Table
from tests.detect.incidents import START

TYPES: dict[str, Type] = {
    "value": "numeric",
    "price": "numeric",
    "balance": "numeric",
    "hour": "numeric",
    "children": "categorical",
    "plan": "categorical",
    "job": "categorical",
}
Fault = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
DAY = np.array([2, 1, 1, 1, 1, 2, 4, 7, 9, 8, 7, 7, 8, 7, 6, 6, 7, 9, 10, 11, 10, 8, 5, 3]) / 140


def orders(number: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return orders, of which only value and price, and all with the score, depend on each other."""
    value = rng.lognormal(3, 0.5, number)
    balance = rng.normal(0, 20, number)
    return pl.DataFrame(
        {
            "value": value,
            "price": value * rng.lognormal(0.2, 0.1, number),
            "balance": balance,
            "hour": rng.choice(24, number, p=DAY),
            "children": rng.poisson(2.5, number).clip(max=8).astype(str),
            "plan": rng.choice(["a", "b", "c", "d"], number, p=[0.5, 0.28, 0.15, 0.07]),
            "job": rng.choice(["clerk", "nurse", "pilot", "unknown"], number, p=[0.5, 0.3, 0.15, 0.05]),
            names.SCORE: 1 / (1 + np.exp(2 - np.log(value) / 2 + balance / 100 + rng.normal(0, 0.3, number))),
        }
    )


def compared(now: pl.DataFrame, reference: pl.DataFrame) -> Chunk:
    table = Table(reference.lazy(), TYPES, names.SCORE, False, True, len(reference), ("reference",), "0" * 64, ())
    baseline = build_baseline(table, "orders", created=START, model_version="1")
    return compare(baseline, table, [Piece(0, now)], Criteria()).chunks[-1]


def on(name: str, change: Callable[[pl.Expr], pl.Expr], share: float = 1.0) -> Fault:
    def happen(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        hit = pl.Series(rng.random(len(frame)) < share)
        return frame.with_columns(pl.when(hit).then(change(pl.col(name))).otherwise(pl.col(name)).alias(name))

    return happen


def chosen(weight: pl.Expr) -> Fault:
    """Return that rows come, none twice, as often as the weight says."""

    def happen(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        weights = frame.select(weight.cast(pl.Float64)).to_series().to_numpy()
        return frame[rng.choice(len(frame), len(frame) // 4, replace=False, p=weights / weights.sum()).tolist()]

    return happen


def columns_exchanged(frame: pl.DataFrame, _: np.random.Generator) -> pl.DataFrame:
    return frame.rename({"value": "price", "price": "value"}).select(frame.columns)


CHILDREN = pl.col("children").cast(pl.Float64)
NEXT = {"a": "b", "b": "c", "c": "d", "d": "a"}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("filled", on("children", lambda _: pl.lit("0"), 0.5)),
        ("filled", on("children", lambda _: pl.lit("3"), 0.5)),
        ("filled", on("job", lambda _: pl.lit("unknown"), 0.2)),
        ("scale", on("balance", lambda column: column.abs())),
        ("scale", on("balance", lambda column: -column.abs())),
        ("scale", on("balance", lambda column: column.abs(), 0.5)),
        ("encoding", on("hour", lambda column: (column + 2) % 24)),
        ("encoding", on("plan", lambda column: column.replace(NEXT))),
        ("shift", on("price", lambda column: column * 1.19)),
        ("shift", on("balance", lambda column: column + 15)),
        ("misjoined", on("balance", lambda column: column.shuffle(seed=1))),
        ("frozen", on("plan", lambda _: pl.lit("a"))),
        ("swapped", columns_exchanged),
    ],
)
def test_values_that_are_all_possible_still_tell_what_was_done_to_them(kind: str, fault: Fault) -> None:
    rng = np.random.default_rng(3)
    claim = compared(fault(orders(3000, rng), rng), orders(12_000, rng)).causes[0]
    assert (claim.cause, claim.kind) == ("pipeline", kind)


@pytest.mark.parametrize(
    "fault",
    [
        chosen((-0.4 * CHILDREN).exp()),
        chosen(1 + (pl.col("children") == "3")),
        chosen(1 + 2 * (pl.col("job") == "nurse")),
        chosen((pl.col("balance") / 40).exp()),
        chosen((pl.col("hour") * 0.07).exp()),
        chosen(pl.col("plan").replace_strict({"a": 1.0, "b": 1.8, "c": 1.3, "d": 3.0})),
        chosen(pl.col("price")),
        chosen(1 + 9 * (pl.col("plan") == "a")),
    ],
)
def test_people_who_resemble_a_fault_stay_another_population(fault: Fault) -> None:
    rng = np.random.default_rng(4)
    assert compared(fault(orders(12_000, rng), rng), orders(12_000, rng)).causes[0].cause == "population"


def test_a_model_that_weighs_all_inputs_anew_is_another_model() -> None:
    rng = np.random.default_rng(6)
    other = 1 / (1 + (2 + pl.col("value").log() / 2 - pl.col("balance") / 50).exp())
    assert (
        compared(orders(3000, rng).with_columns(other.alias(names.SCORE)), orders(12_000, rng)).causes[0].cause
        == "model"
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_same_people_want_no_cause(seed: int) -> None:
    rng = np.random.default_rng([5, seed])
    assert not compared(orders(3000, rng), orders(12_000, rng)).causes


@pytest.mark.parametrize("rows", [200, 1000, 4000])
def test_columns_that_are_alike_are_not_swapped_when_another_one_moves(rows: int) -> None:
    """Bins of a few rows each differ from former ones by chance, and each column looks like all others did."""
    alike = [f"c{number}" for number in range(8)]
    types: dict[str, Type] = dict.fromkeys(alike, "numeric")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        reference, now = (pl.DataFrame({name: rng.normal(0, 1, number) for name in alike}) for number in (10_000, rows))
        now = now.with_columns(pl.col("c0") + 1.0)
        table = Table(reference.lazy(), types, None, False, False, 10_000, ("reference",), "0" * 64, ())
        baseline = build_baseline(table, "orders", created=START, model_version="1")
        chunk = compare(baseline, table, [Piece(0, now)], Criteria()).chunks[-1]
        assert {finding.feature for finding in chunk.findings if finding.drifted} == {"c0"}
        assert all(cause.kind != "swapped" for cause in chunk.causes[:1])
