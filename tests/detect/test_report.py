from __future__ import annotations

import msgspec
import polars as pl
import pytest

from aiwatch import names
from aiwatch.detect.bars import bars
from aiwatch.detect.impact import impact
from aiwatch.detect.report import explained
from aiwatch.detect.situation import situation_of
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Profile
from aiwatch.profiles.result import Claim, Finding, Result, result_id
from aiwatch.profiles.tables.build import build_baseline
from aiwatch.profiles.tables.columns import LABEL
from aiwatch.profiles.tables.frames import FrameFold
from aiwatch.profiles.tables.typed import Table
from aiwatch.report.document import report_of
from tests.detect.incidents import START, TYPES, rows
from tests.profiles.samples import feature


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    reference = rows(6000, 0)
    table = Table(reference.lazy(), TYPES, names.SCORE, False, True, len(reference), ("reference",), "0" * 64, ())
    return build_baseline(table, "loans", created=START, segments=["country"])


def profile(baseline: Baseline, frame: pl.DataFrame) -> Profile:
    fold = FrameFold(baseline)
    held = fold.fold.empty("1", START)
    fold.add(held, frame)
    return held


def verdict(baseline: Baseline, *findings: Finding) -> Result:
    return Result(
        id=result_id("loans", START),
        time=START,
        end=START,
        process="loans",
        model_version="1",
        baseline=baseline.fingerprint,
        rows=2000,
        state="drift" if findings else "ok",
        findings=findings,
    )


MOVED = Finding(
    feature="spent",
    test="kolmogorov_smirnov",
    statistic=0.3,
    p_value=1e-9,
    effect=0.3,
    material=0.05,
    evidence=3.0,
    drifted=True,
    since=START,
    how="mean 9, was 1",
)


def test_a_verdict_without_drift_and_cause_is_left_as_it_is(baseline: Baseline) -> None:
    calm = verdict(baseline)
    assert explained(calm, baseline, [profile(baseline, rows(2000, 1))]) == calm


def test_a_drift_gets_causes_text_and_everything_that_the_page_shows(baseline: Baseline) -> None:
    window = profile(baseline, rows(2000, 1, richer=0.8))
    found = explained(verdict(baseline, MOVED), baseline, [window])
    report = report_of(found)
    assert report is not None
    assert found.causes[0].cause == "population"
    assert found.text.splitlines()[0] == "Drift since 2026-03-02 00:00 UTC: spent (mean 9, was 1)."
    assert found.text.splitlines()[1].startswith("Likeliest cause: population, ")
    assert report.features[0].name == "spent"
    assert names.SCORE in {each.name for each in report.features}
    assert {each.segment for each in report.segments} == {"country = NL", "country = DE", "country = PL"}
    assert sum(report.features[0].distribution.now) == pytest.approx(1, abs=1e-3)
    assert len(msgspec.json.encode(found)) < 50_000


def test_what_moves_with_the_hours_is_not_drawn_beside_what_drifts(baseline: Baseline) -> None:
    window = profile(baseline, rows(2000, 1, richer=0.8).with_columns(age=pl.col("age") + 10))
    drawn = {}
    for seasonal in (False, True):
        report = report_of(explained(verdict(baseline, MOVED), baseline, [window], seasonal=seasonal))
        assert report is not None
        drawn[seasonal] = {each.name for each in report.features}
        moved = {name for segment in report.segments for name, _ in segment.moved}
        assert ("age" in moved) is not seasonal
    assert "age" in drawn[False]
    assert drawn[True] == {"spent", names.SCORE}


def test_a_mark_at_nothing_is_a_zero() -> None:
    bins = [1000, *[5] * 200]  # half of the values are 0
    shown = bars(feature(Numeric(tuple(map(float, range(200)))), bins), Counts(bins, low=0.0, high=300.0))
    assert shown.edges[0] == 0


def test_estimated_performance_is_near_what_outcomes_show(baseline: Baseline) -> None:
    window = profile(baseline, rows(4000, 2, richer=0.8))
    sentences = list(impact(situation_of(baseline, [window], (MOVED,)), ()))
    expected, measured = (
        float(sentence.split("ROC AUC")[1].strip(" :").split()[0].strip(".,;"))
        for sentence in sentences
        if "ROC AUC" in sentence
    )
    assert expected == pytest.approx(measured, abs=0.03)


def test_the_estimate_is_doubted_where_a_score_may_mean_something_else(baseline: Baseline) -> None:
    situation = situation_of(baseline, [profile(baseline, rows(500, 3))], (MOVED,))
    assert not any("doubt" in each for each in impact(situation, (Claim("population", "population", 0.9, ()),)))
    assert any("doubt" in each for each in impact(situation, (Claim("concept", "concept", 0.9, ()),)))


def test_nothing_is_said_of_performance_without_outcomes(baseline: Baseline) -> None:
    silent = msgspec.structs.replace(baseline, labels={})
    window = profile(silent, rows(500, 3).drop(LABEL))
    said = list(impact(situation_of(silent, [window], (MOVED,)), ()))
    assert said[-1] == "What it does to performance cannot be said: the baseline holds too few outcomes."


def test_few_different_numbers_keep_a_bar_each() -> None:
    shown = bars(feature(Numeric((0.0, 1.0, 2.0)), [50, 30, 20, 0]), Counts([10, 10, 0, 80], low=0.0, high=9.0))
    assert shown.edges == (0.0, 1.0)
    assert shown.was == pytest.approx((0.5, 0.3, 0.2), abs=1e-3)
    assert shown.now == pytest.approx((0.1, 0.1, 0.8), abs=1e-3)


def test_many_categories_are_shown_as_the_largest_and_the_rest() -> None:
    values = tuple(f"v{number}" for number in range(30))
    shown = bars(feature(Categorical(values), [10] * 30), Counts([10] * 30, unseen={"new": 100}))
    assert shown.labels[-2:] == ("18 others", "new: new")
    many = {names.OTHER: 90, **{f"new{number}": 9 - number for number in range(5)}}
    unseen = bars(feature(Categorical(values), [10] * 30), Counts([10] * 30, unseen=many))
    assert unseen.labels[-5:] == ("new: new0", "new: new1", "new: new2", "new: new3", "new: others")
    assert sum(shown.now) == pytest.approx(1, abs=1e-3)
