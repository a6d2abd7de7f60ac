"""What is looked at besides the tests of features: it keeps its part of the promise of false alarms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from aiwatch import names
from aiwatch.detect.beyond import chance_of
from aiwatch.detect.rhythm import VERSION, Rhythm, usual_rows
from aiwatch.detect.signs.contract import Look
from aiwatch.detect.signs.outcomes import outcomes
from aiwatch.detect.signs.rows import repeated, volume
from aiwatch.detect.signs.spikes import spike
from aiwatch.detect.signs.strength import of_shares
from aiwatch.detect.signs.values import beyond, negative
from aiwatch.detect.situation import situation_of
from aiwatch.profiles.baseline import FORMAT, Baseline, Source
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import REPEATS, Numeric, Profile, smallest
from aiwatch.profiles.result import Finding
from tests.detect.samples import count, numeric

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PROMISED = 2160  # hours of 90 days
TRAINED = 15_000
BINS = 100
CLAIMED = 0.5


def baseline(labels: dict[int, tuple[int, float]] | None = None, repeats: float = 0.0, **more: object) -> Baseline:
    values = np.linspace(0.0005, 0.9995, TRAINED)
    features = {"amount": numeric(values, BINS), names.SCORE: numeric(values, BINS)}
    source = Source(("training.csv",), "0" * 64, TRAINED)
    return Baseline(FORMAT, "fraud", None, MONDAY, source, features, labels=labels or {}, repeats=repeats, **more)  # type: ignore[arg-type]


def window(held: Baseline, hour: int = 0, rows: int = 500) -> Profile:
    made = Fold(held).empty("1", MONDAY + timedelta(hours=hour))
    made.rows = rows
    return made


def labelled(rates: np.ndarray, rows: int, rng: np.random.Generator) -> dict[int, tuple[int, float]]:
    """Return outcomes by score bin, of so many predictions."""
    known = rng.multinomial(rows, np.full(BINS, 1 / BINS))
    true = rng.binomial(known, rates)
    return {place: (int(known[place]), float(true[place])) for place in range(BINS) if known[place]}


def rates(mean: float, rng: np.random.Generator) -> np.ndarray:
    """Return the share of positive outcomes by score bin: few where the score is low, most where it is highest."""
    steep = np.sort(np.exp(1.5 * rng.normal(size=BINS)))
    return np.clip(mean * steep / steep.mean(), 0, 0.97)


def claims(look: Look, held: Baseline, windows: Iterator[Profile], chance: float) -> int:
    """Return in how many windows a look shows what is no chance."""
    shown = (
        max((sign.strength for sign in look(situation_of(held, [made], (), chance=chance))), default=0)
        for made in windows
    )
    return sum(strength >= CLAIMED for strength in shown)


@pytest.mark.parametrize("mean", [0.005, 0.3])
@pytest.mark.parametrize("rows", [100, 1500])
def test_outcomes_of_a_quarter_of_a_year_without_a_change_raise_no_claim(mean: float, rows: int) -> None:
    rng = np.random.default_rng(rows)
    true = rates(mean, rng)
    held = baseline(labelled(true, TRAINED, rng))

    def hours(number: int) -> Iterator[Profile]:
        for _ in range(number):
            made = window(held, rows=rows)
            made.labels = labelled(true, rows, rng)
            yield made

    assert claims(outcomes, held, hours(PROMISED), chance_of(PROMISED)) == 0
    assert claims(outcomes, held, hours(500), 0.02) <= 500 * 0.02 + 3 * math.sqrt(500 * 0.02)


@pytest.mark.parametrize("rows", [400, 2000])
def test_rows_that_repeat_as_they_always_do_raise_no_claim(rows: int) -> None:
    rng = np.random.default_rng(rows)
    kinds = 200_000  # of rows, some of which come all the time
    shares = 1 / np.arange(1, kinds + 1) ** 0.6
    shares /= shares.sum()
    hashes = rng.integers(0, 2**32, kinds)
    ends = shares.cumsum()

    def drawn(number: int) -> np.ndarray:
        return hashes[np.searchsorted(ends, rng.random(number)).clip(max=kinds - 1)]

    repeating = 1 - float(np.mean([len(np.unique(drawn(1000))) for _ in range(15)])) / 1000
    held = baseline(repeats=repeating)

    def hours(number: int) -> Iterator[Profile]:
        for _ in range(number):
            made = window(held, rows=rows)
            made.repeats = smallest(
                dict(zip(*(each.tolist() for each in np.unique(drawn(rows), return_counts=True)), strict=True))
            )
            yield made

    assert 0.01 < repeating < 0.1
    assert claims(repeated, held, hours(PROMISED), chance_of(PROMISED)) == 0


def test_one_row_that_comes_in_masses_is_no_repetition_and_every_third_row_twice_is() -> None:
    held = baseline(repeats=0.01)
    masses, thirds = window(held), window(held)
    masses.repeats = {hashed: 400 if hashed == 0 else 1 for hashed in range(REPEATS)}
    thirds.repeats = {hashed: 1 + (hashed % 3 == 0) for hashed in range(REPEATS)}
    assert claims(repeated, held, iter([masses]), chance_of(PROMISED)) == 0
    assert claims(repeated, held, iter([thirds]), chance_of(PROMISED)) == 1


def edged(held: Baseline, number: int, filled: float, place: int, rng: np.random.Generator) -> Iterator[Profile]:
    """Yield windows with more rows in the first or the last bin, which stray as far as numbers may."""
    for _ in range(number):
        made = window(held)
        share = np.full(BINS, (1 - filled) / BINS)
        share[place] += filled
        counts = made.features["amount"]
        counts.bins = rng.multinomial(1500, share).tolist()
        counts.low, counts.high = (-1.0, 0.99) if place == 0 else (0.01, 9e6)
        yield made


@pytest.mark.parametrize(("look", "place"), [(negative, 0), (beyond, 0), (beyond, -1)])
def test_stray_numbers_out_of_range_raise_no_claim_and_a_default_in_four_of_a_hundred_rows_does(
    look: Look, place: int
) -> None:
    rng = np.random.default_rng(4)
    held = baseline()
    assert claims(look, held, edged(held, PROMISED, 0.0, place, rng), chance_of(PROMISED)) == 0
    assert claims(look, held, edged(held, 20, 0.04, place, rng), chance_of(PROMISED)) == 20


def test_twice_as_many_rare_outcomes_are_claimed_within_a_day() -> None:
    rng = np.random.default_rng(3)
    true = rates(0.01, rng)
    held = baseline(labelled(true, TRAINED, rng))
    made = window(held, rows=24 * 500)
    made.labels = labelled(2.5 * true.clip(max=0.38), 24 * 500, rng)
    assert claims(outcomes, held, iter([made]), chance_of(PROMISED)) == 1


def test_outcomes_of_as_many_rows_as_were_trained_with_are_claimed_when_a_third_of_them_is_gone() -> None:
    rng = np.random.default_rng(6)
    then, now = (labelled(np.full(BINS, mean), 1500, rng) for mean in (0.16, 0.10))
    held = baseline(then)
    made = window(held, rows=1500)
    made.labels = now
    assert claims(outcomes, held, iter([made]), 0.01 * chance_of(1)) == 1


@pytest.mark.parametrize("mean", [0.01, 0.2, 0.7])
@pytest.mark.parametrize("rows", [600, 6000])
def test_shares_of_two_samples_without_a_change_differ_no_more_often_than_is_told(rows: int, mean: float) -> None:
    rng = np.random.default_rng(rows)
    sizes = np.full((2000, 4), rows // 4), np.full((2000, 4), 500)
    true = np.clip(mean * np.array([0.2, 0.6, 1.2, 2.0]), 0, 0.95)
    then, now = (np.stack([size, rng.binomial(size, true)], axis=2).tolist() for size in sizes)
    told = np.array([of_shares(list(zip(*each, strict=True))) for each in zip(then, now, strict=True)])
    for chance in (0.1, 0.01):
        assert (told <= chance).mean() <= chance


def with_rhythm(day: int, night: int) -> Baseline:
    """Return a baseline whose hours from 8 to 20 had other numbers of rows than the others."""
    volume = tuple(day if 8 <= hour % 24 < 20 else night for hour in range(168))
    rhythm = Rhythm(
        version=VERSION, windows=336, season=(), error=(), spread=(), white=(), slow=(), relation=0, volume=volume
    )
    return baseline(rhythm=msgspec.Raw(msgspec.json.encode(rhythm)))


def of_rows(held: Baseline, rows: list[int], since: int) -> dict[str, float]:
    """Return how surely there are fewer or more rows, ``rows`` by hour, since the one in which a feature drifted."""
    windows = [window(held, hour, number) for hour, number in enumerate(rows)]
    moved = Finding(
        feature="amount", test="psi", statistic=1.0, p_value=0.0, effect=1.0, material=0.02, evidence=9.0, drifted=True,
        since=windows[since].start,
    )  # fmt: skip
    return {sign.name: round(sign.strength, 1) for sign in volume(situation_of(held, windows, (moved,)))}


USUAL = [500 if 8 <= hour % 24 < 20 else 125 for hour in range(48)]


def test_fewer_rows_at_night_are_usual_where_the_hours_of_the_week_are_known() -> None:
    assert of_rows(with_rhythm(100, 25), USUAL[:23], 20) == {"volume": 0.0, "surge": 0.0}


def test_half_of_the_rows_are_fewer_than_usual_and_twice_as_many_more_by_day_and_by_night() -> None:
    known = with_rhythm(100, 25)
    for since in (34, 44):
        fewer, more = ([*USUAL[:since], *(int(part * rows) for rows in USUAL[since:])] for part in (0.5, 2.0))
        assert of_rows(known, fewer, since) == {"volume": 1.0, "surge": 0.0}
        assert of_rows(known, more, since) == {"volume": 0.0, "surge": 1.0}


def test_an_hour_that_never_came_and_another_version_of_the_rhythm_tell_nothing() -> None:
    rhythm = msgspec.json.decode(with_rhythm(100, 0).rhythm, type=Rhythm)
    nine = MONDAY + timedelta(hours=9)
    assert usual_rows(rhythm, nine, nine + timedelta(hours=2)) == 200
    assert usual_rows(rhythm, MONDAY, nine) == 0
    assert usual_rows(msgspec.structs.replace(rhythm, version=VERSION + 1), nine, nine + timedelta(hours=2)) == 0


def test_the_hours_of_the_week_are_those_of_the_time_zone() -> None:
    rhythm = msgspec.json.decode(with_rhythm(100, 0).rhythm, type=Rhythm)
    berlin = msgspec.structs.replace(rhythm, timezone="Europe/Berlin")
    hour = timedelta(hours=1)
    for start in (MONDAY + number * hour for number in range(48)):
        assert usual_rows(berlin, start, start + hour) == usual_rows(rhythm, start + hour, start + 2 * hour)


@pytest.mark.parametrize(("what", "there"), [("zero", True), ("clipped", True), ("fewer", False), ("same", False)])
def test_a_count_of_which_half_is_set_to_zero_is_told_from_people_with_smaller_ones(what: str, there: bool) -> None:
    rng = np.random.default_rng(8)
    counts = rng.negative_binomial(2, 0.4, TRAINED).astype(float)
    now = rng.negative_binomial(2, 0.6 if what == "fewer" else 0.4, 3000).astype(float)
    now = {"zero": now * (rng.random(3000) < 0.5), "clipped": now.clip(max=4)}.get(what, now)
    visits = numeric(counts)
    held = msgspec.structs.replace(baseline(), features={"visits": visits, names.SCORE: visits})
    made = window(held, rows=3000)
    assert isinstance(visits.shape, Numeric)
    made.features["visits"] = count(visits.shape, now)
    assert any(sign.strength >= CLAIMED for sign in spike(situation_of(held, [made], ()))) == there
