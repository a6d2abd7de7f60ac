from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import fmean

import pytest

from aiwatch.demo.chatbot.classifier import IntentClassifier
from aiwatch.demo.chatbot.customer import FALLBACK_BELOW
from aiwatch.demo.chatbot.events import events
from aiwatch.demo.chatbot.records import Feedback, Interaction, Record
from aiwatch.demo.chatbot.topics import INTENTS

START = datetime(2026, 3, 2, tzinfo=UTC)
LAUNCH = START + timedelta(days=7)
END = START + timedelta(days=8)


@pytest.fixture(scope="module")
def week(classifier: IntentClassifier) -> list[Record]:
    return list(events(START, END, 7, classifier, degraded_from=LAUNCH))


def interactions(records: list[Record], day: int | None = None) -> list[Interaction]:
    found = [record for record in records if isinstance(record, Interaction)]
    if day is None:
        return found
    begin = (START + timedelta(days=day)).timestamp()
    return [record for record in found if begin <= record.time < begin + 86_400]


def mean_confidence(records: list[Interaction]) -> float:
    return fmean(record.confidence for record in records if record.confidence is not None)


def satisfaction(records: list[Interaction], ratings: dict[str, str]) -> float:
    return fmean(ratings[record.id] == "up" for record in records if record.id in ratings)


@pytest.fixture(scope="module")
def ratings(week: list[Record]) -> dict[str, str]:
    return {record.interaction: record.rating for record in week if isinstance(record, Feedback)}


def test_confidence_is_high_on_every_healthy_day_and_low_on_the_degraded_one(week: list[Record]) -> None:
    assert all(mean_confidence(interactions(week, day)) > 0.83 for day in range(7))
    assert mean_confidence(interactions(week, 7)) < 0.6


def test_a_week_has_the_number_of_interactions_asked_for(week: list[Record]) -> None:
    healthy = [record for record in interactions(week) if record.time < LAUNCH.timestamp()]
    assert len(healthy) / 7 == pytest.approx(1500, rel=0.08)


def test_customers_are_less_pleased_where_the_bot_is_wrong(week: list[Record], ratings: dict[str, str]) -> None:
    right = [record for record in interactions(week) if record.right]
    wrong = [record for record in interactions(week) if not record.right]
    assert satisfaction(right, ratings) > 0.85
    assert satisfaction(wrong, ratings) < 0.3


def test_customers_are_less_pleased_on_the_degraded_day(week: list[Record], ratings: dict[str, str]) -> None:
    healthy = [record for record in interactions(week) if record.time < LAUNCH.timestamp()]
    assert satisfaction(healthy, ratings) > 0.75
    assert satisfaction(interactions(week, 7), ratings) < 0.6


def test_low_confidence_means_fallback_and_then_handoff(week: list[Record]) -> None:
    for record in interactions(week):
        if record.confidence is not None and record.confidence < FALLBACK_BELOW:
            assert record.outcome in ("fallback", "handoff")
        elif record.confidence is not None:
            assert record.outcome in ("answered", "handoff")


def test_an_error_is_rare_slow_and_has_no_answer(week: list[Record]) -> None:
    errors = [record for record in interactions(week) if record.outcome == "error"]
    assert 0 < len(errors) < 0.01 * len(interactions(week))
    for record in errors:
        assert (record.response, record.intent, record.confidence, record.cost) == (None, None, None, None)
        assert record.latency > 5


def test_every_intent_is_asked_for_and_no_other_is_seen(week: list[Record]) -> None:
    assert {record.intent for record in interactions(week) if record.intent} == set(INTENTS)


def test_latency_grows_with_the_length_of_the_answer(week: list[Record]) -> None:
    answered = [record for record in interactions(week) if record.response]
    short = [record.latency for record in answered if len(record.response or "") < 60]
    long = [record.latency for record in answered if len(record.response or "") > 150]
    assert fmean(long) > fmean(short) + 0.2


def test_cost_follows_the_tokens(week: list[Record]) -> None:
    for record in interactions(week):
        if record.cost is not None:
            assert record.input_tokens
            assert record.output_tokens
            assert record.cost == pytest.approx(record.input_tokens * 0.4e-6 + record.output_tokens * 1.6e-6)


def test_sessions_have_several_turns_and_users_return(week: list[Record]) -> None:
    sessions = {record.session for record in interactions(week)}
    assert len(interactions(week)) / len(sessions) > 1.5
    known = {(record.user, record.session) for record in interactions(week) if record.user}
    assert len(known) / len({user for user, _ in known}) > 1.5


def test_feedback_comes_after_its_interaction_seconds_to_hours_later(week: list[Record]) -> None:
    when = {record.id: record.time + record.latency for record in interactions(week)}
    delays = [record.time - when[record.interaction] for record in week if isinstance(record, Feedback)]
    assert min(delays) > 0
    assert min(delays) < 30
    assert max(delays) > 3600


def test_some_comments_fit_the_rating(week: list[Record]) -> None:
    comments = {(r.rating, r.comment) for r in week if isinstance(r, Feedback) and r.comment}
    assert ("up", "quick and clear") in comments
    assert ("down", "the bot does not understand me") in comments
    assert not {comment for rating, comment in comments if rating == "up"} & {
        comment for rating, comment in comments if rating == "down"
    }


def test_events_are_in_order_of_time_within_the_range_and_ids_are_unique(week: list[Record]) -> None:
    times = [record.time for record in week]
    assert times == sorted(times)
    assert START.timestamp() <= times[0] <= times[-1] < END.timestamp()
    assert len({record.id for record in week}) == len(week)


def test_the_same_arguments_give_the_same_events_whatever_the_batch(classifier: IntentClassifier) -> None:
    end = START + timedelta(hours=8)
    launch = START + timedelta(hours=6)
    one = list(events(START, end, 3, classifier, degraded_from=launch))
    assert one == list(events(START, end, 3, classifier, degraded_from=launch, batch=9))
    assert one


def test_another_seed_or_start_gives_other_ids(classifier: IntentClassifier) -> None:
    runs = [
        {record.id for record in islice(events(start, None, seed, classifier, batch=8), 20)}
        for start, seed in ((START, 1), (START, 2), (START + timedelta(seconds=1), 1))
    ]
    assert len(set.union(*runs)) == 60


def test_a_longer_range_begins_with_the_same_events(classifier: IntentClassifier) -> None:
    short = list(events(START, START + timedelta(hours=6), 3, classifier))
    endless = events(START, None, 3, classifier, batch=16)
    assert list(islice(endless, len(short))) == short
