"""What a process file says of drift: read into frozen settings, and every mistake told at its place."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest

from aiwatch import names
from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.detect.tests import TESTS
from aiwatch.kinds.drift import CategoricalTest, Drift, FalseAlarms, Measure, Test
from aiwatch.kinds.prediction import PredictionOptions

MODEL = """\
name: fraud
title: Fraud
kind: classifier
business_unit: payments
owner: a@example.com
features:
  amount: {type: numeric}
  country: {type: categorical}
"""


def options(tmp_path: Path, more: str) -> PredictionOptions:
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / "fraud.yml").write_text(MODEL + dedent(more))
    (process,) = load_catalogue(tmp_path).processes
    assert isinstance(process.options, PredictionOptions)
    return process.options


def test_a_model_that_says_nothing_is_promised_one_false_alarm_in_90_days(tmp_path: Path) -> None:
    assert options(tmp_path, "").drift == Drift(false_alarms="1 per 90d")
    assert Drift().false_alarms == FalseAlarms(1, 90 * 86400.0)


def test_what_may_be_named_is_what_there_is() -> None:
    shapes = {test.name: {shape.__name__.lower() for shape in test.shapes} for test in TESTS}
    of_values = shapes.keys() - {"missing_share", "unseen_categories"}
    assert all("numeric" in shapes[name] for name in of_values)
    assert {name for name in of_values if "categorical" in shapes[name]} == set(get_args(CategoricalTest))
    assert set(get_args(Test)) == of_values
    assert set(get_args(Measure)) == {*shapes, names.RELATIONS}


def test_a_process_that_names_no_features_may_name_any_segment(tmp_path: Path) -> None:
    folder = tmp_path / "processes"
    folder.mkdir()
    bare = MODEL.partition("features:")[0]
    (folder / "fraud.yml").write_text(f"{bare}drift: {{segments: [country], tests: {{amount: psi}}}}\n")
    assert load_catalogue(tmp_path).processes


def test_settings_are_read(tmp_path: Path) -> None:
    drift = options(
        tmp_path,
        """\
        drift:
          false_alarms: 2 per 52w
          window: 6h
          min_rows: 50
          segments: [country]
          tests: {amount: psi, score: wasserstein, country: chi_squared}
          minimum_effect: {psi: 0.3, missing_share: 0.05}
          max_baseline_age: 30d
        """,
    ).drift
    assert drift.false_alarms == FalseAlarms(2, 52 * 7 * 86400.0)
    assert (drift.window, drift.max_baseline_age) == (6 * 3600.0, 30 * 86400.0)
    assert drift.minimum_effect == {"psi": 0.3, "missing_share": 0.05}
    assert drift.tests == {"amount": "psi", "score": "wasserstein", "country": "chi_squared"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("drift: {false_alarms: 1}\n", "9: drift.false_alarms: 1 is no number of false alarms: write how many"),
        ("drift: {false_alarms: 1 per year}\n", "9: drift.false_alarms: 'year' is not a duration"),
        ("drift: {false_alarms: 0 per 90d}\n", "9: drift.false_alarms: '0 per 90d' cannot be kept"),
        ("drift:\n  window: 90m\n", "10: drift.window: a window is a whole number of hours and at most 7d"),
        ("drift: {window: 8d}\n", "9: drift.window: a window is a whole number of hours"),
        (
            "drift: {false_alarms: 1 per 1h}\n",
            "a false alarm in less than 10 windows of 1h tells nothing: promise 1 per 10h",
        ),
        ("drift: {false_alarms: 5 per 1w, window: 1d}\n", "windows of 1d tells nothing: promise 1 per 10d at most"),
        ("drift: {min_rows: 0}\n", "9: drift.min_rows: 0 must be at least 1"),
        ("drift: {min_row: 9}\n", "9: drift.min_row: unknown key; did you mean 'min_rows'?"),
        (
            "drift:\n  segments: [contry]\n",
            "10: drift.segments[0]: no feature is called 'contry'; did you mean 'country'?",
        ),
        ("drift: {segments: [amount]}\n", "9: drift.segments[0]: 'amount' is numeric, but segments are"),
        ("drift: {segments: [country, country]}\n", "segments[1]: segment 'country' stands here a second time"),
        ("drift: {segments: [a, b, c, d]}\n", "9: drift.segments: must have at most 3 entries"),
        (
            "drift:\n  tests:\n    amont: psi\n",
            "11: drift.tests.amont: no feature is called 'amont'; did you mean 'amount'?",
        ),
        ("drift: {tests: {amount: ks}}\n", "9: drift.tests.amount: 'ks' stands here, but one of kolmogorov_smirnov"),
        (
            "drift: {tests: {country: wasserstein}}\n",
            "9: drift.tests.country: wasserstein is no test of a categorical feature; one of chi_squared",
        ),
        ("drift: {tests: {value: psi}}\n", "9: drift.tests.value: no feature is called 'value'"),
        ("drift: {minimum_effect: {psi: 0}}\n", "9: drift.minimum_effect.psi: 0 must be greater than 0"),
        (
            "drift: {minimum_effect: {missing_share: 5}}\n",
            "9: drift.minimum_effect: missing_share is never more than 1: write 0.05, not 5",
        ),
        ("drift: {minimum_effect: {size: 1}}\n", "9: drift.minimum_effect.size: 'size' stands here, but one of"),
        ("drift: {max_baseline_age: 0s}\n", "9: drift.max_baseline_age: 0s must be greater than 0"),
        ("drift: {timezone: Berlin}\n", "9: drift.timezone: no time zone is called 'Berlin': write UTC"),
        ("upstream: [froud]\n", "9: upstream[0]: no process is called 'froud'"),
        ("upstream: [fraud]\n", "9: upstream[0]: a process cannot be upstream of itself; remove it"),
        ("alerts: {drift_expected: {window: 1d}}\n", "9: alerts.drift_expected.window: unknown key; allowed:"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path: Path, more: str, expected: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        options(tmp_path, more)
    told = [str(problem).partition("fraud.yml:")[2] for problem in caught.value.problems]
    assert any(expected in each for each in told), told


def circles(tmp_path: Path, upstream: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with processes that are upstream of each other as told."""
    (tmp_path / "processes").mkdir()
    for name, others in upstream.items():
        text = MODEL.replace("name: fraud", f"name: {name}") + f"upstream: [{', '.join(others)}]\n"
        (tmp_path / "processes" / f"{name}.yml").write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    return [str(problem).removeprefix(f"{tmp_path}/processes/") for problem in caught.value.problems]


def test_processes_that_are_upstream_of_each_other_in_a_circle_are_told_with_the_way(tmp_path: Path) -> None:
    assert circles(tmp_path, {"a": ["c"], "b": ["a"], "c": ["b"], "d": ["a"]}) == [
        "a.yml:9: upstream[0]: 'a' is upstream of itself: a -> b -> c -> a; remove one of them"
    ]


def test_every_circle_is_told(tmp_path: Path) -> None:
    told = circles(tmp_path, {"a": ["b"], "b": ["a"], "c": ["a", "d"], "d": ["c", "c"]})
    assert [each.partition(":")[0] for each in told if "is upstream of itself" in each] == ["a.yml", "c.yml"]
