"""The baselines of a catalogue fit to its processes, or every mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.catalogue.watch import CatalogueWatch
from aiwatch.profiles.baseline import Baseline, write_baseline
from tests.profiles.samples import baseline

PROCESS = """\
name: card-fraud
title: Card fraud
kind: classifier
business_unit: payments
owner: a@example.com
features:
  amount: {type: numeric}
  country: {type: categorical}
  channel: {type: categorical}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "processes").mkdir()
    (tmp_path / "baselines").mkdir()
    (tmp_path / "processes" / "card-fraud.yml").write_text(PROCESS)
    return tmp_path


def put(folder: Path, held: Baseline, name: str = "card-fraud") -> None:
    (folder / "baselines" / f"{name}.json").write_bytes(write_baseline(held))


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    return [str(problem).removeprefix(f"{folder.as_posix()}/") for problem in caught.value.problems]


def test_a_process_comes_with_its_baseline_also_when_it_has_new_features(folder: Path) -> None:
    assert load_catalogue(folder).processes[0].baseline is None
    put(folder, baseline())
    assert load_catalogue(folder).processes[0].baseline == baseline()


def test_a_baseline_whose_process_is_gone_is_a_mistake(folder: Path) -> None:
    put(folder, baseline(process="card-froud"), "card-froud")
    (found,) = mistakes(folder)
    assert found.startswith("baselines/card-froud.json: there is no process 'card-froud'; make it again")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("amount:", "amounts:", "has the feature 'amount', which the process has no more"),
        ("amount: {type: numeric}", "amount: {type: categorical}", "has the feature 'amount' as numeric, which is"),
        ("kind: classifier", "kind: regressor", "has a score, which no process of its kind has"),
    ],
)
def test_what_the_process_has_no_more_is_a_mistake(folder: Path, before: str, after: str, said: str) -> None:
    put(folder, baseline())
    (folder / "processes" / "card-fraud.yml").write_text(PROCESS.replace(before, after))
    (found,) = mistakes(folder)
    assert found.startswith(f"baselines/card-fraud.json: {said}")


def test_a_damaged_baseline_is_told_together_with_all_other_mistakes(folder: Path) -> None:
    (folder / "baselines" / "card-fraud.json").write_text("{")
    (folder / "processes" / "card-fraud.yml").write_text(PROCESS + "colour: red\n")
    damaged, unknown = mistakes(folder)
    assert damaged.startswith("baselines/card-fraud.json: is damaged")
    assert "aiwatch baseline card-fraud --from FILE..." in damaged
    assert "colour: unknown key" in unknown


def test_the_baseline_that_is_about_to_be_made_is_not_looked_at(folder: Path) -> None:
    (folder / "baselines" / "card-fraud.json").write_text("{")
    assert load_catalogue(folder, without_baseline="card-fraud").processes[0].baseline is None


def test_a_new_baseline_is_a_change_of_the_catalogue(folder: Path) -> None:
    watch = CatalogueWatch(folder)
    put(folder, baseline())
    os.utime(folder / "baselines" / "card-fraud.json", (1, 1))
    assert watch.changed() is None  # somebody may still be writing
    changed = watch.changed()
    assert changed is not None
    assert changed.processes[0].baseline == baseline()


@pytest.mark.parametrize("name", ["score", "value", "relations", "volume"])
def test_a_feature_cannot_have_a_name_that_is_taken(folder: Path, name: str) -> None:
    (folder / "processes" / "card-fraud.yml").write_text(PROCESS.replace("amount:", f"{name}:"))
    assert f"no feature may be called '{name}'" in mistakes(folder)[0]
