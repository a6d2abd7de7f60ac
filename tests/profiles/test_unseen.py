"""Seen and unseen categories, in rows that had no part in choosing which is which."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from aiwatch.detect.tests import chi_squared
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
        assert abs(unseen_share(pl.Series(drawn.astype(str)), SEEN) - truth) < 4 * error + 0.001
        if not slope:  # where chance alone chooses, the rows that it chose by are far off
            assert truth - (1 - counts[seen].sum() / ROWS) > 5 * error


def test_a_long_tail_of_categories_is_no_change_in_few_rows() -> None:
    shares = np.arange(1, 1001) ** -1.1
    shares /= shares.sum()
    chance, found = np.random.default_rng(8), 0
    for _ in range(40):
        before, now = (pl.Series(chance.choice(1000, 500, p=shares).astype(str)) for _ in range(2))
        held = before.value_counts(sort=True)
        shape = Categorical(tuple(held[held.columns[0]]))
        counts = as_in_other_rows(Counts(held["count"].to_list()), unseen_share(before, SEEN))
        rows = now.value_counts()
        window = dict(zip(rows[rows.columns[0]], rows["count"], strict=True))
        bins = [window.pop(value, 0) for value in shape.values]
        baseline = FeatureBaseline(shape, counts, (0,) * shape.bins)
        found += chi_squared.TEST.on_counts(baseline, Counts(bins, unseen=window)).p_value < 0.01
    assert found <= 3


def test_a_baseline_keeps_its_number_of_rows_whatever_is_unseen_in_others() -> None:
    counts = Counts([5, 4, 3, 1, 1, 1], missing=7, unseen={"z": 1})
    other = as_in_other_rows(counts, 0.3)
    assert other.rows == counts.rows
    assert sum(other.unseen.values()) == 5
    assert as_in_other_rows(Counts([0, 0]), 0.3) == Counts([0, 0])
