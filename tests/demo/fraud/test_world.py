from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from statistics import fmean, median

import pytest

from aiwatch.demo.fraud.records import FEATURES, Transaction
from aiwatch.demo.fraud.world import World
from aiwatch.demo.rhythm import DAY

START = 20_500 * DAY
TYPES = {"number": (int, float), "string": (str,), "bool": (bool,)}


@pytest.fixture(scope="module")
def payments() -> list[Transaction]:
    return list(World("test").transactions(START, START + 10 * DAY, 4000))


def numbers(payments: list[Transaction], name: str) -> list[float]:
    return [float(value) for p in payments if isinstance(value := p.features[name], int | float)]


def test_features_bear_the_names_and_types_of_the_constant(payments: list[Transaction]) -> None:
    for payment in payments:
        assert list(payment.features) == list(FEATURES)
        for name, value in payment.features.items():
            if value is not None:
                assert isinstance(value, TYPES[FEATURES[name]])
                assert isinstance(value, bool) == (FEATURES[name] == "bool")


def test_under_one_percent_is_fraud_of_every_pattern(payments: list[Transaction]) -> None:
    found = Counter(payment.fraud for payment in payments if payment.fraud)
    assert 0.002 < found.total() / len(payments) < 0.01
    assert set(found) == {"stolen-card", "skimmed-terminal", "account-takeover"}
    assert min(found.values()) >= 10


def test_amounts_are_heavy_tailed(payments: list[Transaction]) -> None:
    amounts = numbers([p for p in payments if not p.fraud], "amount")
    assert fmean(amounts) > 1.25 * median(amounts)
    assert max(amounts) > 30 * median(amounts)


def test_holders_pay_near_home_and_thieves_far_away(payments: list[Transaction]) -> None:
    genuine = numbers([p for p in payments if not p.fraud], "distance_km")
    stolen = numbers([p for p in payments if p.fraud == "stolen-card"], "distance_km")
    assert median(stolen) > 4 * median(genuine)


def test_accounts_are_taken_over_at_night_for_high_amounts(payments: list[Transaction]) -> None:
    taken = [p for p in payments if p.fraud == "account-takeover"]
    assert all(hour < 6 for hour in numbers(taken, "hour"))
    assert median(numbers(taken, "amount_ratio")) > 3


def test_a_skimmed_terminal_becomes_known_for_it(payments: list[Transaction]) -> None:
    skimmed = numbers([p for p in payments if p.fraud == "skimmed-terminal"], "terminal_risk")
    genuine = numbers([p for p in payments if not p.fraud], "terminal_risk")
    assert max(skimmed) > 20 * median(genuine)


def test_few_values_are_missing_and_only_where_a_look_up_can_fail(payments: list[Transaction]) -> None:
    missing = Counter(name for p in payments for name, value in p.features.items() if value is None)
    assert set(missing) == {"distance_km", "terminal_risk", "merchant_category"}
    assert max(missing.values()) < 0.02 * len(payments)


def test_a_busier_world_has_more_cards_and_not_busier_ones(payments: list[Transaction]) -> None:
    busy = list(islice(World("busy").transactions(START, math.inf, 400_000), 5000))
    assert fmean(numbers(busy, "count_24h")) == pytest.approx(fmean(numbers(payments, "count_24h")), rel=0.15)
    assert fmean(numbers(busy, "count_1h")) < 0.5


def test_a_busier_world_has_terminals_that_are_known_as_well() -> None:
    usual, busy = World("usual"), World("busy")
    for world in (usual, busy):
        world.warm_up(START)
    day = list(usual.transactions(START, START + DAY, 4000))
    busy_day = list(islice(busy.transactions(START, START + DAY, 400_000), 40_000))
    medians = [median(numbers(payments, "terminal_risk")) for payments in (day, busy_day)]
    assert medians[1] == pytest.approx(medians[0], rel=0.15)


def test_payments_are_in_order_of_time(payments: list[Transaction]) -> None:
    times = [payment.time for payment in payments]
    assert times == sorted(times)
    assert START <= times[0] <= times[-1] < START + 10 * DAY


def test_the_same_seed_gives_the_same_payments_and_another_one_others() -> None:
    one, same, other = (list(World(seed).transactions(START, START + DAY / 4, 4000)) for seed in ("a", "a", "b"))
    assert one == same
    assert one != other
