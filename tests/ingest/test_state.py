"""The metrics' values: bounded labels, births, and what a restart takes over."""

from __future__ import annotations

from aiwatch import names
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.state import MetricState, Series
from aiwatch.kinds.base import Delta

COUNTER, HISTOGRAM, GAUGE = names.INTERACTIONS_TOTAL, names.LATENCY_SECONDS, names.LAST_EVENT_TIMESTAMP_SECONDS


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def counted(*intents: str, process: str = "bot") -> Delta:
    delta = Delta()
    for intent in intents:
        delta.count(COUNTER, (process, "1", intent, "answered"))
    return delta


def observed(bounds: tuple[float, ...], *values: float) -> Delta:
    delta = Delta()
    for value in values:
        delta.histogram(HISTOGRAM, ("bot", "1"), bounds).observe_all([value])
    return delta


def publish(state: MetricState, *deltas: Delta, now: float = 1.0) -> None:
    state.publish(state.prepare(deltas, now))


def intents(state: MetricState) -> dict[str, float]:
    return {labels[2]: series.value for (name, labels), series in state.series.items() if name == COUNTER}


def test_what_is_prepared_is_seen_only_once_it_is_published() -> None:
    state = MetricState(all_metrics())
    publish(state, counted("a"))
    prepared = state.prepare([counted("a", "b"), observed((1.0,), 0.5)], 2.0)
    assert intents(state) == {"a": 1}
    assert not any(name == HISTOGRAM for name, _ in state.series)
    state.publish(prepared)
    assert intents(state) == {"a": 2, "b": 1}


def test_a_prepared_batch_that_is_given_up_leaves_no_trace() -> None:
    state = MetricState(all_metrics())
    publish(state, observed((1.0,), 0.5))
    state.prepare([observed((1.0,), 0.5)], 2.0)
    publish(state, observed((1.0,), 2.0))
    assert state.series[HISTOGRAM, ("bot", "1")].value.counts == [1, 1]


def test_only_what_a_batch_changed_is_to_be_rendered_anew() -> None:
    state = MetricState(all_metrics())
    publish(state, counted("a", "b"), observed((1.0,), 0.5))
    state.changed.clear()
    publish(state, counted("b", "c"))
    assert [labels[2] for _, labels in state.changed] == ["b", "c"]


def test_beyond_its_limit_a_label_has_the_value_other() -> None:
    state = MetricState(all_metrics(), label_limit=3)
    publish(state, counted("a", "b", "c", "d", "e", "a"))
    publish(state, counted("f", "b"))
    assert intents(state) == {"a": 2, "b": 2, "c": 1, "other": 3}


def test_each_process_has_its_own_limit() -> None:
    state = MetricState(all_metrics(), label_limit=1)
    publish(state, counted("a"), counted("b", process="second"))
    assert intents(state) == {"a": 1, "b": 1}


def test_values_that_the_catalogue_names_have_their_places_reserved() -> None:
    state = MetricState(all_metrics(), label_limit=3)
    state.reserve("bot", names.INTENT, ("x", "y"))
    publish(state, counted("a", "b", "x", "y"))
    assert intents(state) == {"a": 1, "other": 1, "x": 1, "y": 1}


def test_the_limit_holds_across_a_restart() -> None:
    first = MetricState(all_metrics(), label_limit=2)
    publish(first, counted("a", "b", "c"))
    second = MetricState(all_metrics(), label_limit=2)
    second.restore(held(first), {"bot"}, 1e9, 5.0)
    publish(second, counted("c", "a", "unknown"))
    assert intents(second) == {"a": 2, "b": 1, "other": 2, "unknown": 1}


def held(state: MetricState) -> list[tuple[tuple[str, tuple[str, ...]], Series]]:
    return list(state.series.items())


def test_processes_and_metrics_that_are_gone_are_not_shown() -> None:
    state = MetricState(all_metrics())
    first = Series(1.0, 0.0)
    state.restore(
        [
            ((COUNTER, ("gone", "1", "a", "answered")), first),
            (("ai_retired_total", ("bot",)), first),
            ((COUNTER, ("bot",)), first),
            ((COUNTER, ("bot", "1", "a", "answered")), first),
        ],
        {"bot"},
        1e9,
        5.0,
    )
    assert list(state.series) == [(COUNTER, ("bot", "1", "a", "answered"))]


def test_a_histogram_whose_bounds_were_changed_begins_anew() -> None:
    state = MetricState(all_metrics(), clock=(clock := Clock()))
    publish(state, observed((1.0,), 0.5, 0.5), now=1.0)
    state.mature(state.ripe(0.0)[0])
    clock.now = 5.0
    publish(state, observed((0.3, 1.0), 0.5), now=6.0)
    series = state.series[HISTOGRAM, ("bot", "1")]
    assert (series.value.bounds, series.value.counts, series.born) == ((0.3, 1.0), [0, 1, 0], 6.0)
    assert list(state.young) == [(HISTOGRAM, ("bot", "1"))]


def test_a_gauge_keeps_its_highest_value() -> None:
    state = MetricState(all_metrics())
    for value in (5.0, 3.0):
        delta = Delta()
        delta.maximum(GAUGE, ("bot",), value)
        publish(state, delta)
    assert state.series[GAUGE, ("bot",)].value == 5.0


def test_series_ripen_with_age_whatever_the_time_of_day_says() -> None:
    state = MetricState(all_metrics(), clock=(clock := Clock()))
    publish(state, counted("a"), now=1000.0)
    clock.now = 10.0
    publish(state, counted("b"), now=500.0)  # the clock was set back
    assert state.ripe(20.0) == ([], 0.0)
    clock.now = 20.0
    keys, until = state.ripe(20.0)
    assert ([labels[2] for _, labels in keys], until) == (["a"], 1000.0)
    state.mature(keys)
    clock.now = 30.0
    assert [labels[2] for _, labels in state.ripe(20.0)[0]] == ["b"]


def test_after_a_restart_only_series_that_were_never_shown_are_young_again() -> None:
    state = MetricState(all_metrics(), clock=Clock())
    shown, new = (COUNTER, ("bot", "1", "a", "answered")), (COUNTER, ("bot", "1", "b", "answered"))
    state.restore([(shown, Series(5.0, 10.0)), (new, Series(7.0, 30.0))], {"bot"}, 20.0, 99.0)
    assert list(state.young) == [new]
    assert state.series[new].born == 99.0
    assert not any(name == HISTOGRAM for name, _ in state.series)


def test_a_series_that_is_born_after_the_time_of_day_was_set_back_is_young_after_a_restart_too() -> None:
    state = MetricState(all_metrics(), clock=(clock := Clock()))
    publish(state, counted("a"), now=1000.0)
    clock.now = 20.0
    shown = state.ripe(20.0)
    state.mature(shown[0])
    publish(state, counted("b"), now=500.0)
    for _ in range(2):
        restarted = MetricState(all_metrics(), clock=Clock())
        restarted.restore(held(state), {"bot"}, shown[1], 600.0)
        assert [labels[2] for _, labels in restarted.young] == ["b"]
        publish(restarted, counted("c"), now=700.0)
        again, until = restarted.ripe(0.0)
        assert [labels[2] for _, labels in again] == ["b", "c"]
        assert until > shown[1]
        state = restarted
        restarted.series.pop((COUNTER, ("bot", "1", "c", "answered")))


def test_series_of_one_batch_ripen_together() -> None:
    ticking = iter(range(100))
    state = MetricState(all_metrics(), clock=lambda: next(ticking))
    publish(state, counted("a", "b", "c"))
    assert len(state.ripe(1.0)[0]) == 3
