from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aiwatch.catalogue.load import load_catalogue
from aiwatch.demo.fraud.journal import PARTNER, PROCESS
from aiwatch.demo.fraud.records import FEATURES
from aiwatch.profiles.baseline import FeatureBaseline, baseline_path, read_baseline
from tools.demo.baseline import CATALOGUE, write_demo_baseline


def mean(feature: FeatureBaseline) -> float:
    return feature.counts.total / feature.counts.seen


def test_the_committed_baselines_are_those_of_the_simulated_payments_and_their_model(tmp_path: Path) -> None:
    shutil.copytree(CATALOGUE, tmp_path, dirs_exist_ok=True)
    for process in (PROCESS, PARTNER):
        baseline_path(tmp_path, process).unlink()
    write_demo_baseline(tmp_path)
    hint = "to renew it, run: make demo-baseline"
    for process in (PROCESS, PARTNER):
        made, held = (read_baseline(baseline_path(folder, process)) for folder in (tmp_path, CATALOGUE))
        assert held.features.keys() == {*FEATURES, "score"}
        for name in FEATURES:
            assert made.features[name] == held.features[name], f"{name} of {process} is another one; {hint}"
        # Another version of scikit-learn may round the trees' scores otherwise.
        assert mean(made.features["score"]) == pytest.approx(mean(held.features["score"]), rel=0.02), hint


@pytest.mark.parametrize("name", [PROCESS, PARTNER])
def test_the_demo_is_watched_from_the_start(name: str) -> None:
    process = next(each for each in load_catalogue(CATALOGUE).processes if each.name == name)
    assert process.baseline is not None
    assert process.baseline.segments.keys() == {"country", "channel"}
    assert bytes(process.baseline.rhythm) != b"null"
