"""Seen and unseen categories, in rows that had no part in choosing which is which."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from aiwatch.detect.tests import chi_squared, unseen_categories
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Categorical, Counts
from aiwatch.profiles.tables.unseen import as_in_other_rows, unseen_share

ROWS, SEEN = 20_000, 256


@pytest.mark.parametrize(("number", "slope"), [(300, 0.0), (300, 0.6), (1000, 1.1), (270, 0.0)])
def test_the_share_of_unseen_categories_is_what_other_rows_will_have(number: int, slope: float) -> None:
    shares = np.arange(1, number + 1) ** -slope
    shares /= shares.sum()
    for seed in range(5):
        drawn = np.random.default_rng(seed).choice(number, ROWS, p=shares)
        counts = np.bincount(drawn, minlength=number)
        seen = np.argsort(-counts, kind="stable")[:SEEN]
        truth = 1 - shares[seen[counts[seen] > 0]].sum()
        error = np.sqrt(truth * (1 - truth) / ROWS)
        assert abs(unseen_share(pl.Series(drawn.astype(str)), SEEN)[0] - truth) < 4 * error + 0.001
        if not slope:  # where chance alone chooses, the rows that it chose by are far off
            assert truth - (1 - counts[seen].sum() / ROWS) > 5 * error


def test_a_long_tail_of_categories_is_no_change_in_few_rows() -> None:
    pairs = drawn_pairs(np.arange(1, 1001) ** -1.1, 500, 500, 40)
    assert sum(chi_squared.TEST.on_counts(*pair).p_value < 0.01 for pair in pairs) <= 3


@pytest.mark.parametrize(("weights", "rows"), [(np.ones(200), 1000), (1 / np.arange(1, 51), 5000)])
def test_how_far_off_the_share_of_unseen_categories_may_be_is_known(weights: NDArray[np.float64], rows: int) -> None:
    pairs = drawn_pairs(weights, 500, rows, 200)
    assert sum(unseen_categories.TEST.on_counts(*pair).p_value < 0.01 for pair in pairs) <= 6
    new = [(baseline, Counts(window.bins, unseen={"new": rows // 3})) for baseline, window in pairs[:50]]
    assert all(unseen_categories.TEST.on_counts(*pair).p_value < 1e-4 for pair in new)


def drawn_pairs(
    weights: NDArray[np.float64], rows: int, others: int, pairs: int
) -> list[tuple[FeatureBaseline, Counts]]:
    """Return baselines and windows of the same categories with these weights."""
    chance, shares, found = np.random.default_rng(8), weights / weights.sum(), []
    for _ in range(pairs):
        before, now = (pl.Series(chance.choice(len(shares), size, p=shares).astype(str)) for size in (rows, others))
        held = before.value_counts(sort=True)
        shape = Categorical(tuple(held[held.columns[0]]))
        share, error = unseen_share(before, SEEN)
        counts = as_in_other_rows(Counts(held["count"].to_list()), share)
        window = dict(now.value_counts().iter_rows())
        bins = [window.pop(value, 0) for value in shape.values]
        found.append((FeatureBaseline(shape, counts, (0,) * shape.bins, error), Counts(bins, unseen=window)))
    return found


def test_a_baseline_keeps_its_number_of_rows_whatever_is_unseen_in_others() -> None:
    counts = Counts([5, 4, 3, 1, 1, 1], missing=7, unseen={"z": 1})
    other = as_in_other_rows(counts, 0.3)
    assert other.rows == counts.rows
    assert sum(other.unseen.values()) == 5
    assert as_in_other_rows(Counts([0, 0]), 0.3) == Counts([0, 0])
