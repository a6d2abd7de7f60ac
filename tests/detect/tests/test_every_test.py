"""What holds for every statistical test: its name, no alarm on what did not change, one on what did."""

from __future__ import annotations

import numpy as np
import pytest

from aiwatch.detect.contracts import NOTHING, DriftTest
from aiwatch.detect.tests import TESTS
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts, Numeric
from tests.detect.samples import categorical, count, numeric

each = pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
of_values = [test for test in TESTS if "share" not in test.name and "unseen" not in test.name]


def pairs(test: DriftTest, rows: int, seed: int, number: int, shift: float = 0.0, reference: int = 0):
    """Yield pairs of samples of numbers (or of 8 categories), the second one shifted."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        if Numeric in test.shapes:
            baseline = numeric(rng.standard_normal(reference or rows))
            assert isinstance(baseline.shape, Numeric)
            yield baseline, count(baseline.shape, rng.standard_normal(rows) + shift)
        else:
            shares = np.array([0.4, 0.3, 0.2, 0.05, 0.03, 0.01, 0.005, 0.005])
            yield categorical(*rng.multinomial(reference or rows, shares)), Counts(rng.multinomial(rows, shares))


@each
def test_an_empty_window_and_an_empty_baseline_say_nothing(test: DriftTest) -> None:
    for shape in (Numeric((1.0, 2.0)), Categorical(("a", "b", "c"))):
        if isinstance(shape, test.shapes):
            full, empty = Counts([5, 5, 5], total=22.0, squares=40.0, low=0.0, high=3.0), Counts.empty(shape)
            assert test.on_counts(FeatureBaseline(shape, full, (0, 0, 0)), empty) == NOTHING
            assert test.on_counts(FeatureBaseline(shape, empty, (0, 0, 0)), full) == NOTHING


@each
def test_the_same_counts_again_are_no_change(test: DriftTest) -> None:
    baseline = numeric(np.arange(1000.0)) if Numeric in test.shapes else categorical(500, 300, 200)
    outcome = test.on_counts(baseline, baseline.counts)
    assert outcome.p_value > 0.9
    assert outcome.effect == 0


@pytest.mark.parametrize("test", of_values, ids=lambda test: test.name)
@pytest.mark.parametrize(("rows", "reference"), [(100, 100), (500, 500), (500, 50_000), (60, 5000)])
def test_without_a_change_small_p_values_are_as_rare_as_they_say(test: DriftTest, rows: int, reference: int) -> None:
    number = 300
    found = [test.on_counts(*pair).p_value for pair in pairs(test, rows, 7, number, reference=reference)]
    for level in (0.05, 0.01):
        expected = level * number
        assert sum(value <= level for value in found) <= expected + 3.5 * expected**0.5


@pytest.mark.parametrize("test", of_values, ids=lambda test: test.name)
def test_the_effect_does_not_grow_with_smaller_windows(test: DriftTest) -> None:
    small = [test.on_counts(*pair).effect for pair in pairs(test, 200, 3, 300, reference=20_000)]
    assert np.median(small) < test.material / 2


@pytest.mark.parametrize("test", [test for test in of_values if Numeric in test.shapes], ids=lambda test: test.name)
def test_a_shift_of_a_fifth_of_a_standard_deviation_is_material_and_significant(test: DriftTest) -> None:
    ((baseline, window),) = pairs(test, 2000, 5, 1, shift=0.2, reference=50_000)
    outcome = test.on_counts(baseline, window)
    assert outcome.p_value < 1e-9
    assert outcome.effect > test.material


@each
def test_a_constant_and_an_all_missing_feature_are_taken(test: DriftTest) -> None:
    if Numeric in test.shapes:
        constant = FeatureBaseline(Numeric((3.0,)), Counts([100, 0], 0, 0, {}, 300.0, 900.0, 3.0, 3.0), (0, 263))
        assert test.on_counts(constant, constant.counts).effect == 0
        missing = FeatureBaseline(Numeric(()), Counts([0], missing=100), (0,))
    else:
        missing = FeatureBaseline(Categorical(()), Counts([], missing=100), ())
    assert test.on_counts(missing, missing.counts).effect == 0
