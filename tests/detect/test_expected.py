"""What a feature is compared with at a time: its baseline, moved to the hour of the week."""

from __future__ import annotations

import numpy as np
import pytest

from aiwatch.detect.aspects import Criteria
from aiwatch.detect.channels import Channels
from aiwatch.detect.expected import expected
from aiwatch.profiles.baseline import FeatureBaseline
from bench.drift.streams import Stream, World

STREAM = Stream(World(low=300, high=3000, baseline_rows=60_000), 3)
CHANNELS = Channels(STREAM.baseline, Criteria())


def place(feature: str, test: str) -> slice:
    found = next(each for each in CHANNELS.families if each.feature == feature and each.test.name == test)
    return slice(found.first, found.last)


def moved(feature: str, test: str, offsets: list[float], doubt: float = 0.0) -> FeatureBaseline:
    """Return a feature whose last channels of a test are off by so much; the doubt is in errors of the baseline."""
    offset = np.zeros(len(CHANNELS.center))
    chosen = place(feature, test)
    offset[chosen.stop - len(offsets) : chosen.stop] = offsets
    return expected(STREAM.baseline, CHANNELS, offset, doubt * CHANNELS.error)[feature]


def test_what_has_no_season_is_compared_with_its_baseline() -> None:
    zeros = np.zeros(len(CHANNELS.center))
    assert expected(STREAM.baseline, CHANNELS, zeros, zeros) == STREAM.baseline.features


def test_ranges_of_a_number_get_the_shares_of_the_hour_and_its_mean_goes_with_them() -> None:
    off = np.linspace(0.045, -0.045, 10)
    counts = moved("number0", "kolmogorov_smirnov", off.tolist()).counts
    before, now = (
        np.add.reduceat(each.bins, range(0, 100, 10)) / each.seen
        for each in (STREAM.baseline.features["number0"].counts, counts)
    )
    assert now - before == pytest.approx(off, abs=0.005)
    assert counts.total / counts.seen == pytest.approx(-2.8, abs=0.3)  # of 10, its standard deviation


def test_missing_and_unseen_shares_are_those_of_the_hour() -> None:
    missing = moved("category1", "missing_share", [0.04]).counts
    before = STREAM.baseline.features["category1"].counts
    assert missing.missing / missing.rows == pytest.approx(before.missing / before.rows + 0.04, abs=1e-3)
    unseen = moved("category1", "unseen_categories", [0.02]).counts
    assert sum(unseen.unseen.values()) / (unseen.seen + sum(unseen.unseen.values())) == pytest.approx(0.02, abs=1e-3)


def test_a_season_that_is_hardly_known_is_as_good_as_few_rows() -> None:
    sure, unsure = (moved("number0", "kolmogorov_smirnov", [0.01, -0.01], doubt).counts for doubt in (0.0, 7.0))
    assert sure.rows == STREAM.baseline.features["number0"].counts.rows
    assert unsure.rows == pytest.approx(sure.rows / 50, abs=1)
