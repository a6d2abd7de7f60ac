"""SciPy says the same, where it has the same test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from aiwatch.detect.contracts import DriftTest
from aiwatch.detect.shares import compare
from aiwatch.detect.tests import (
    chi_squared,
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
    relations,
    unseen_categories,
    wasserstein,
)
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric
from tests.detect.samples import categorical, count, numeric

RNG = np.random.default_rng(11)
OLD, NEW = RNG.lognormal(size=5000), RNG.lognormal(0.1, 1.1, size=2000)


def test_kolmogorov_smirnov_of_values_is_scipys_and_that_of_bins_is_close_below() -> None:
    oracle = stats.ks_2samp(OLD, NEW)
    assert kolmogorov_smirnov.on_values(OLD, NEW).statistic == oracle.statistic
    assert kolmogorov_smirnov.on_values(OLD, NEW).p_value == oracle.pvalue
    baseline = numeric(OLD)
    assert isinstance(baseline.shape, Numeric)
    binned = kolmogorov_smirnov.on_counts(baseline, count(baseline.shape, NEW))
    assert oracle.statistic - 0.01 <= binned.statistic <= oracle.statistic


def test_wasserstein_of_values_is_scipys_in_standard_deviations_and_that_of_bins_is_close() -> None:
    oracle = stats.wasserstein_distance(OLD, NEW) / OLD.std()
    assert wasserstein.on_values(OLD, NEW).statistic == pytest.approx(oracle)
    baseline = numeric(OLD)
    assert isinstance(baseline.shape, Numeric)
    assert wasserstein.on_counts(baseline, count(baseline.shape, NEW)).statistic == pytest.approx(oracle, rel=0.1)


def test_the_p_value_of_wasserstein_is_that_of_permutations() -> None:
    old, new = RNG.exponential(size=400), RNG.exponential(1.08, size=300)
    outcome = wasserstein.on_values(old, new)
    both = np.concatenate([old, new])
    drawn = [
        stats.wasserstein_distance(mixed[:400], mixed[400:]) / old.std() >= outcome.statistic
        for mixed in (RNG.permutation(both) for _ in range(1000))
    ]
    assert outcome.p_value == pytest.approx(np.mean(drawn), abs=0.05)


def test_chi_squared_is_scipys_on_the_contingency_table() -> None:
    oracle = stats.chi2_contingency([[300, 500, 200], [90, 130, 80]], correction=False)
    outcome = chi_squared.on_counts(categorical(300, 500, 200), Counts([90, 130, 80]))
    assert outcome.statistic == pytest.approx(oracle.statistic)
    assert outcome.p_value == pytest.approx(oracle.pvalue)


def test_chi_squared_of_two_cells_with_few_rows_is_fishers_exact_test() -> None:
    outcome = chi_squared.on_counts(categorical(30, 5), Counts([3, 5]))
    assert outcome.p_value == stats.fisher_exact([[30, 5], [3, 5]]).pvalue


def test_jensen_shannon_is_scipys_in_bits() -> None:
    oracle = jensenshannon([0.3, 0.5, 0.2], [0.3, 13 / 30, 8 / 30], base=2)
    outcome = jensen_shannon.on_counts(categorical(300, 500, 200), Counts([90, 130, 80]))
    assert outcome.statistic == pytest.approx(oracle)


def test_psi_does_not_call_most_pairs_of_a_hundred_rows_a_change() -> None:
    found = []
    for _ in range(300):
        baseline = numeric(RNG.standard_normal(100))
        assert isinstance(baseline.shape, Numeric)
        found.append(psi.on_counts(baseline, count(baseline.shape, RNG.standard_normal(100))))
    assert np.mean([outcome.statistic > 0.1 for outcome in found]) > 0.5  # the usual rule
    assert np.mean([outcome.effect > 0.1 and outcome.p_value < 0.05 for outcome in found]) < 0.06


@pytest.mark.parametrize(("before", "now"), [((3, 5000), (9, 800)), ((700, 1000), (40, 80)), ((995, 1000), (190, 200))])
def test_the_p_value_of_two_shares_is_close_to_fishers_and_not_below(
    before: tuple[int, int], now: tuple[int, int]
) -> None:
    table = [[part, rows - part] for part, rows in (before, now)]
    oracle = stats.fisher_exact(table).pvalue
    assert 0.5 * oracle <= compare(*before, *now).p_value <= min(1.0, 2.2 * oracle + 0.02)


@pytest.mark.parametrize("test", [chi_squared.TEST, jensen_shannon.TEST, psi.TEST], ids=lambda test: test.name)
@pytest.mark.parametrize(("rare", "new"), [(63, {}), (0, {"new": 63})])
def test_a_category_whose_place_a_rare_or_a_new_one_took_is_missed(
    test: DriftTest, rare: int, new: dict[str, int]
) -> None:
    shape = Categorical(("DE", "FR", "NL", "XX"))
    before = FeatureBaseline(shape, Counts([40_000, 35_000, 25_000, 50]), (0, 0, 0, 0))
    found = test.on_counts(before, Counts([100, 87, 0, rare], unseen=new))
    assert found.p_value < 1e-6
    assert found.effect > 2 * test.material


def test_unseen_values_beside_a_new_category_are_found() -> None:
    outcome = unseen_categories.on_counts(categorical(30_000, 20_000), Counts([1200, 780], unseen={"new": 20}))
    assert outcome.statistic == 0.01
    assert outcome.p_value < 1e-9
    assert outcome.effect > 0.005


def test_correlations_are_numpys() -> None:
    scores = (64 * RNG.multivariate_normal([0, 0, 0], [[1, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1]], 500)).astype(int)
    products = (scores.T @ scores)[np.triu_indices(3)]
    found = relations.correlations(500, scores.sum(axis=0).tolist(), products.tolist())
    assert found == pytest.approx(np.corrcoef(scores.T))


def test_a_relation_that_breaks_while_its_features_stay_is_found() -> None:
    before = np.array([[1, 0.6, 0], [0.6, 1, 0], [0, 0, 1.0]])
    same, broken = (
        np.corrcoef(RNG.multivariate_normal([0, 0, 0], covariance, 1000).T) for covariance in (before, np.eye(3))
    )
    assert relations.compare(before, 50_000, same, 1000).p_value > 0.01
    outcome = relations.compare(before, 50_000, broken, 1000)
    assert outcome.p_value < 1e-9
    assert outcome.effect > relations.MATERIAL
