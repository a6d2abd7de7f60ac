"""One prediction after the other into a profile."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import pytest

from aiwatch.profiles.document import DamagedProfileError, document_of, pack, profile_of, unpack
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import MAX_UNSEEN, REPEATS, Profile
from tests.profiles.samples import HOUR, baseline


def folded(*rows: tuple[dict[str, Any], float | None], **more: Any) -> Profile:
    fold = Fold(baseline())
    profile = fold.empty("3", HOUR)
    for features, score in rows:
        fold.add(profile, features, score, **more)
    return profile


def test_a_value_is_counted_in_its_bin_and_in_the_sums() -> None:
    amount = folded(({"amount": 5}, 0.1), ({"amount": 10.0}, 0.1), ({"amount": -0.0}, 0.1)).features["amount"]
    assert amount.bins == [1, 2, 0, 0]
    assert (amount.total, amount.squares, amount.low, amount.high) == (15.0, 125.0, 0.0, 10.0)
    assert math.copysign(1, amount.low or 0.0) == 1


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (None, "missing"),
        (math.nan, "missing"),
        (math.inf, "missing"),
        (True, "invalid"),
        ("5", "invalid"),
        ([5], "invalid"),
        ({"n": 5}, "invalid"),
    ],
)
def test_what_is_no_number_is_missing_or_invalid(value: Any, where: str) -> None:
    amount = folded(({"amount": value}, 0.1)).features["amount"]
    assert (getattr(amount, where), amount.seen, amount.rows, amount.low) == (1, 0, 1, None)


@pytest.mark.parametrize("value", [1e300, 10**400, 2**1024])
def test_a_huge_number_keeps_the_sums_finite(value: Any) -> None:
    amount = folded(({"amount": value}, 0.1), ({"amount": -value}, 0.1)).features["amount"]
    assert (amount.bins, amount.low, amount.high) == ([1, 0, 0, 1], -1e150, 1e150)
    assert math.isfinite(amount.squares)


@pytest.mark.parametrize(
    ("value", "found"),
    [("DE", "bins"), (None, "missing"), (7.0, "invalid"), (["DE"], "invalid"), ("de", "unseen"), ("", "unseen")],
)
def test_a_category_is_seen_unseen_missing_or_invalid(value: Any, found: str) -> None:
    country = folded(({"country": value}, 0.1)).features["country"]
    counted = {"bins": country.seen, "missing": country.missing, "invalid": country.invalid}
    counted["unseen"] = sum(country.unseen.values())
    assert counted == {name: int(name == found) for name in counted}
    assert (country.total, country.low) == (0.0, None)


def test_booleans_and_integers_are_categories_as_json_writes_them() -> None:
    profile = folded(({"country": True}, 0.1), ({"country": 2**70}, 0.1), ({"country": "x" * 1000}, 0.1))
    assert profile.features["country"].unseen == {"true": 1, str(2**70): 1, "x" * 100: 1}


def test_no_more_unseen_values_are_told_apart_than_fit_and_none_is_lost() -> None:
    profile = folded(*(({"country": f"c{number}"}, 0.1) for number in range(200)))
    unseen = profile.features["country"].unseen
    assert len(unseen) == MAX_UNSEEN + 1
    assert sum(unseen.values()) == 200


def test_features_that_the_baseline_does_not_know_are_passed_over() -> None:
    assert folded(({"colour": "red"}, 0.1)).features.keys() == {"amount", "country", "score"}


def test_no_features_at_all_are_missing_values() -> None:
    profile = folded(({}, None))
    assert [counts.missing for counts in profile.features.values()] == [1, 1, 1]
    assert (profile.sums, profile.products) == ([0, 0, 0], [0] * 6)


def test_relations_are_sums_and_products_of_the_scores_of_bins() -> None:
    held = baseline()
    row = [held.features["score"].scores[0], held.features["amount"].scores[3], held.features["country"].scores[1]]
    profile = folded(({"amount": 1000, "country": "FR"}, 0.5), ({"country": "NL"}, None))
    assert profile.sums == row
    assert profile.products == [row[i] * row[j] for i in range(3) for j in range(i, 3)]


def test_outcomes_are_summed_by_the_bin_of_the_score() -> None:
    fold = Fold(baseline())
    profile = fold.empty("3", HOUR)
    for score, label in ((0.1, True), (0.2, False), (0.9, 1), (0.9, None), (None, 1.0)):
        fold.add(profile, {}, score, label=label)
    assert profile.labels == {0: (2, 1.0), 1: (1, 1.0)}


def test_an_outcome_or_a_latency_beyond_all_measure_leaves_sums_that_can_be_kept_and_squared() -> None:
    fold = Fold(baseline())
    profile = fold.empty("1", HOUR)
    for _ in range(3):
        fold.add(profile, {}, 0.1, label=-1.7e308, latency=1.7e308)
    assert profile.labels == {0: (3, pytest.approx(-3e150))}
    assert profile.latency_total == pytest.approx(3e150)


def test_latency_failures_and_decisions_are_counted() -> None:
    profile = folded(({}, 0.1), ({}, 0.1), decision="approve", latency=0.005, failed=True)
    assert (profile.errors, profile.decisions, profile.latency[:2]) == (2, {"approve": 2}, [2, 0])
    assert profile.latency_total == pytest.approx(0.01)


def test_a_segment_has_counts_of_its_own() -> None:
    profile = folded(({"amount": 5, "country": "DE"}, 0.1), ({"amount": 5, "country": "FR"}, 0.1))
    assert profile.segments.keys() == {"country"}
    assert profile.segments["country"].keys() == {"DE"}
    segment = profile.segments["country"]["DE"]
    assert (segment.rows, segment.features["amount"].bins) == (1, [0, 1, 0, 0])


def chance_rows(seed: int, number: int) -> list[tuple[dict[str, Any], float | None]]:
    chance = random.Random(seed)
    amounts: list[Any] = [None, True, "x", 0, 7, 70, 700]
    countries = ["DE", "FR", None, 3, "NL", "PL"]
    return [
        ({"amount": chance.choice(amounts), "country": chance.choice(countries)}, chance.choice((None, 0.75)))
        for _ in range(number)
    ]


def test_parts_add_up_to_the_whole_whatever_their_order() -> None:
    rows = chance_rows(1, 900)
    whole = folded(*rows)
    parts = [folded(*rows[start : start + 300]) for start in (600, 0, 300)]
    together = copy.deepcopy(parts[0])
    for part in parts[1:]:
        together.merge(part)
    assert together == whole
    assert len(whole.repeats) <= REPEATS
    assert sum(whole.repeats.values()) == 900  # so few different rows that every hash is kept


def test_a_merge_leaves_what_it_added_alone() -> None:
    one, other = folded(({}, 0.1)), folded(({"country": "DE"}, 0.1))
    before = copy.deepcopy(other)
    one.merge(other)
    one.merge(other)
    assert other == before
    assert one.segments["country"]["DE"].rows == 2


def test_of_many_different_rows_the_smallest_hashes_are_kept_with_all_their_rows() -> None:
    held = baseline(features={**baseline().features}, segments={})
    fold = Fold(held)
    wide, chance = [float(number) for number in range(300)], random.Random(2)
    shape = type(held.features["amount"].shape)(tuple(wide))
    big = type(held.features["amount"])(shape, held.features["amount"].counts, (0,) * 301)
    fold = Fold(baseline(features={**held.features, "amount": big}, segments={}))
    rows = [{"amount": chance.randrange(300)} for _ in range(3000)]
    profile = fold.empty("3", HOUR)
    for row in rows:
        fold.add(profile, row, 0.1)
    again = fold.empty("3", HOUR)
    for row in reversed(rows):
        fold.add(again, row, 0.1)
    assert profile.repeats == again.repeats
    assert len(profile.repeats) == REPEATS


def test_a_profile_goes_through_its_document_unchanged() -> None:
    profile = folded(*chance_rows(3, 50))
    document = document_of(profile, "a-1")
    assert profile_of(document) == profile
    assert (document.id, document.index) == ("card-fraud:20260301T07Z:a-1", "aiwatch-profiles-2026.03.01")


def test_damaged_bytes_are_said_to_be_damaged() -> None:
    packed = pack(folded(({}, 0.1)))
    with pytest.raises(DamagedProfileError):
        unpack(packed[:-5])
