from __future__ import annotations

import random
from statistics import fmean

import pytest

from aiwatch.demo.chatbot.events import SUPPORT_DESK
from aiwatch.demo.fraud.cards import CARD_PAYMENTS
from aiwatch.demo.rhythm import DAY, Rhythm

MONDAY = 4 * DAY  # 5 January 1970


@pytest.mark.parametrize("rhythm", [SUPPORT_DESK, CARD_PAYMENTS])
def test_the_rate_averages_to_one_over_a_week(rhythm: Rhythm) -> None:
    assert fmean(rhythm.rate(MONDAY + minute * 60) for minute in range(7 * 24 * 60)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("rhythm", [SUPPORT_DESK, CARD_PAYMENTS])
def test_the_rate_never_exceeds_the_peak(rhythm: Rhythm) -> None:
    assert max(rhythm.rate(MONDAY + minute * 60) for minute in range(7 * 24 * 60)) <= rhythm.peak


def test_the_support_desk_is_busy_on_monday_morning_and_quiet_on_sunday_night() -> None:
    assert SUPPORT_DESK.rate(MONDAY + 10 * 3600) > 5 * SUPPORT_DESK.rate(MONDAY + 6 * DAY + 3 * 3600)


def test_arrivals_follow_the_rate() -> None:
    times = list(SUPPORT_DESK.arrivals(MONDAY, MONDAY + 28 * DAY, 2000, random.Random(3)))
    assert times == sorted(times)
    assert len(times) == pytest.approx(28 * 2000, rel=0.02)
    ten, three = (sum(int(t % DAY // 3600) == hour for t in times) for hour in (10, 3))
    assert ten / three == pytest.approx(SUPPORT_DESK.hours[10] / SUPPORT_DESK.hours[3], rel=0.3)


def test_a_rhythm_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="24 hours and 7 days, not 23 and 7"):
        Rhythm.of([1] * 23, [1] * 7)
