from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from aiwatch import names
from aiwatch.detect.causes import HYPOTHESES
from aiwatch.detect.explain import BY_CHANCE, can_be_told, explain, log_weight
from aiwatch.detect.signs.contract import Sign
from aiwatch.detect.situation import situation_of
from aiwatch.profiles.result import Finding, Result
from aiwatch.profiles.tables.columns import ERROR, LABEL, LATENCY, VERSION
from tests.detect.incidents import START, compared_with_reference, found, rescored, rows, scored

MISSING = ("spent", "missing_share")
USUAL = [rows(800, seed) for seed in range(1, 7)]
Happening = Callable[[pl.DataFrame], pl.DataFrame]


def after(happening: Happening, hours: int = 3, **changed: float) -> list[pl.DataFrame]:
    return [*USUAL, *(happening(rows(800, 100 + hour, **changed)) for hour in range(hours))]


def on(name: str, change: Callable[[pl.Expr], pl.Expr], share: float = 1.0) -> Happening:
    def happen(frame: pl.DataFrame) -> pl.DataFrame:
        hit = pl.Series(np.random.default_rng(7).random(len(frame)) < share)
        changed = pl.when(hit).then(change(pl.col(name))).otherwise(pl.col(name))
        return rescored(frame.with_columns(changed.alias(name)))

    return happen


@pytest.mark.parametrize(
    ("kind", "happening"),
    [
        ("missing", on("spent", lambda _: pl.lit(None, pl.Float64), 0.2)),
        ("unseen", on("country", lambda _: pl.lit("ZZ"), 0.2)),
        ("encoding", on("country", lambda column: column.str.to_lowercase())),
        ("encoding", on("country", lambda column: "country=" + column)),
        ("frozen", on("age", lambda _: pl.lit(33.0))),
        ("filled", on("age", lambda _: pl.lit(47.11), 0.3)),
        ("filled", on("income", lambda column: column.clip(upper_bound=25_000))),
        ("scale", on("spent", lambda column: column * 100)),
        ("scale", on("spent", lambda column: column * 100, 0.3)),
        ("scale", on("age", lambda column: -column)),
        ("scale", on("income", lambda column: column.log())),
        ("rounding", on("spent", lambda column: (column / 20).round() * 20)),
        ("misjoined", on("spent", lambda column: column.shuffle(seed=3))),
        ("duplicates", lambda frame: pl.concat([frame, frame[:400]])),
        ("volume", lambda frame: frame[:150]),
    ],
)
def test_what_breaks_on_the_way_is_the_pipelines_and_of_its_kind(kind: str, happening: Happening) -> None:
    causes = found(after(happening)).causes
    assert (causes[0].cause, causes[0].kind) == ("pipeline", kind)
    assert causes[0].evidence


def test_two_columns_that_have_each_others_values_are_found_out() -> None:
    swap: Happening = lambda frame: rescored(frame.rename({"age": "spent", "spent": "age"}).select(frame.columns))  # noqa: E731
    claim = found(after(swap)).causes[0]
    assert (claim.cause, claim.kind, set(claim.features)) == ("pipeline", "swapped", {"age", "spent"})


def test_richer_people_are_another_population() -> None:
    causes = found(after(lambda frame: frame, richer=0.7)).causes
    assert causes[0].cause == "population"
    assert any("moved along" in text for text in causes[0].evidence)


@pytest.mark.parametrize("name", ["income", "spent", "age"])
def test_more_people_around_one_value_are_another_population_and_no_kind_is_told_of_what_is_less_likely(
    name: str,
) -> None:
    def around_the_middle(number: int, seed: int) -> pl.DataFrame:
        many = rows(4 * number, seed)
        weights = 1 + 3 * np.exp(-(((many[name].rank().to_numpy() / len(many) - 0.5) / 0.12) ** 2))
        chosen = np.random.default_rng(seed).choice(len(many), number, replace=False, p=weights / weights.sum())
        return many[chosen.tolist()]

    causes = found([*USUAL, *(around_the_middle(800, 100 + hour) for hour in range(3))]).causes
    assert [(claim.cause, claim.kind) for claim in causes[:2]] == [
        ("population", "population"),
        ("pipeline", "pipeline"),
    ]
    assert causes[0].features == (name,)


def test_outcomes_that_change_at_the_same_score_are_another_concept() -> None:
    chance = np.random.default_rng(5)
    more: Happening = lambda frame: frame.with_columns(  # noqa: E731
        pl.Series(LABEL, np.maximum(frame[LABEL].to_numpy(), chance.random(len(frame)) < 0.4))
    )
    causes = found(after(more)).causes
    assert causes[0].cause == "concept"
    assert "positive outcomes where the same scores had" in causes[0].evidence[0]


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_score_that_moves_at_the_same_inputs_is_the_models(version: str) -> None:
    other: Happening = lambda frame: frame.with_columns(pl.col(names.SCORE) ** 2, pl.lit(version).alias(VERSION))  # noqa: E731
    causes = found(after(other)).causes
    assert causes[0].cause == "model"
    assert any("version 2" in text for text in causes[0].evidence) == (version == "2")


def weighed(version: str, of_age: float) -> Happening:
    """Return what comes of a model that weighs age so many times as much as it did, and everything else as before."""
    columns = ("income", "spent")

    def happen(frame: pl.DataFrame) -> pl.DataFrame:
        score = scored(*(frame[name].to_numpy() for name in columns), 40 + of_age * (frame["age"].to_numpy() - 40))
        return frame.with_columns(pl.Series(names.SCORE, score), pl.lit(version).alias(VERSION))

    return happen


def test_a_new_version_that_leaves_out_an_input_is_the_models_and_without_one_the_log_holds_other_values() -> None:
    causes = {version: found(after(weighed(version, 0.0))).causes[0] for version in ("1", "2")}
    assert (causes["2"].cause, causes["1"].kind) == ("model", "misjoined")
    assert any(text.startswith("age: the score goes with it at") for text in causes["2"].evidence)


def test_a_score_that_goes_the_other_way_with_an_input_is_the_models() -> None:
    assert found(after(weighed("1", -1.0))).causes[0].cause == "model"


def test_slow_answers_and_errors_are_the_infrastructures_though_scores_are_missing() -> None:
    failing: Happening = lambda frame: frame.with_columns(  # noqa: E731
        pl.col(LATENCY) * 8,
        pl.Series(ERROR, np.arange(len(frame)) % 5 == 0),
        pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col(names.SCORE)).alias(names.SCORE),
    )
    causes = found(after(failing)).causes
    assert causes[0].cause == "infrastructure"


@pytest.mark.parametrize(("lead", "cause"), [(2, "upstream"), (48, "upstream"), (-2, "pipeline")])
def test_a_process_upstream_is_to_blame_if_it_drifted_first(lead: int, cause: str) -> None:
    since = START + timedelta(hours=len(USUAL) - lead)
    moved = Finding(
        feature="score",
        test="kolmogorov_smirnov",
        statistic=0.3,
        p_value=1e-9,
        effect=0.3,
        material=0.1,
        evidence=3.0,
        drifted=True,
        since=since,
    )
    upstream = Result(
        id="risk:1",
        time=since,
        end=since + timedelta(hours=1),
        process="risk",
        model_version="1",
        baseline="b",
        rows=900,
        state="drift",
        findings=(moved,),
    )
    causes = found(after(on("spent", lambda column: column * 100)), {"risk": upstream}).causes
    assert causes[0].cause == cause


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_claimed_where_nothing_happened(seed: int) -> None:
    chunk = found([rows(600, 1000 + 20 * seed + hour) for hour in range(9)])
    assert (chunk.state, chunk.causes) == ("ok", ())


def test_two_files_alone_are_enough_to_tell_a_cause() -> None:
    chunk = found([on("spent", lambda column: column / 1000)(rows(3000, 9))])
    assert (chunk.causes[0].cause, chunk.causes[0].kind) == ("pipeline", "scale")


def test_a_sign_that_was_not_looked_for_says_nothing() -> None:
    one = HYPOTHESES[0]
    assert log_weight(one, {}) == pytest.approx(np.log(one.prior))
    assert not can_be_told(one, {})
    seen = log_weight(one, {"latency": [Sign("latency", 1.0)]})
    assert seen == pytest.approx(np.log(one.prior * BY_CHANCE))


def test_what_moves_as_it_usually_does_at_such_hours_explains_nothing() -> None:
    lost = on("spent", lambda _: pl.lit(None, pl.Float64), 0.2)
    hours = after(lost, richer=0.5)  # as every night, let us say
    compared = compared_with_reference(hours)
    only = [finding for finding in compared.chunks[-1].findings if (finding.feature, finding.test) == MISSING]
    assert only[0].drifted
    windows = [profile for piece in compared.profiles for profile in piece]
    by_season = {
        seasonal: explain(situation_of(compared.baseline, windows, only, seasonal=seasonal))[0].cause
        for seasonal in (True, False)
    }
    assert by_season == {True: "pipeline", False: "population"}
