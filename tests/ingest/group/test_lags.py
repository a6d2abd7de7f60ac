from __future__ import annotations

import pytest

from aiwatch.ingest.group.lags import LagBook, PartMetrics
from aiwatch.ingest.self_metrics import SelfMetrics


def unread(whole: SelfMetrics) -> float | None:
    return whole.registry.get_sample_value("aiwatch_lag_bytes", {"process": "bot"})


def waiting(whole: SelfMetrics) -> float | None:
    return whole.registry.get_sample_value("aiwatch_lag_seconds", {"process": "bot"})


@pytest.fixture
def whole() -> SelfMetrics:
    return SelfMetrics()


def test_the_lags_of_all_parts_are_added_and_the_oldest_line_counts(whole: SelfMetrics) -> None:
    book = LagBook(whole)
    one, two = PartMetrics(whole, book), PartMetrics(whole, book)
    one.observe_lag("bot", 10, 0.0)
    two.observe_lag("bot", 5, None)
    assert unread(whole) == 15
    assert (waiting(whole) or 0) > 1e9
    two.observe_lag("bot", 0, None)
    assert unread(whole) == 10


def test_a_part_that_is_given_away_waits_no_more(whole: SelfMetrics) -> None:
    book = LagBook(whole)
    one, two = PartMetrics(whole, book), PartMetrics(whole, book)
    one.observe_lag("bot", 10, 0.0)
    two.observe_lag("bot", 5, None)
    one.forget()
    one.forget()
    assert (unread(whole), waiting(whole)) == (5, 0)


def test_what_is_told_of_a_part_is_told_of_the_exporter(whole: SelfMetrics) -> None:
    part = PartMetrics(whole, LagBook(whole))
    part.retrying("commit")
    assert whole.registry.get_sample_value("aiwatch_up") == 0
    part.delivered(5.0)
    assert whole.registry.get_sample_value("aiwatch_up") == 1
