"""The verdict over time: what it says of streams that stay, change, lack rows, come again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from aiwatch.detect.aspects import Criteria
from aiwatch.detect.monitor import Monitor, MonitorState
from aiwatch.detect.rhythm import Rhythm, Usual, learn
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result
from bench.drift.streams import HOUR, START, Change, Stream, World

QUIET = World(low=300, high=3000, baseline_rows=60_000)
BUDGET = 2160.0  # windows: one false alarm in 90 days of hours


def monitor(stream: Stream, criteria: Criteria | None = None) -> Monitor:
    return Monitor(stream.baseline, criteria or Criteria(), BUDGET, learn(stream.baseline, stream.past()))


def steps(watch: Monitor, windows: Iterator[Profile]) -> Iterator[tuple[MonitorState, Result]]:
    state = None
    for window in windows:
        state, result = watch.step(state, window)
        yield state, result


def first_alarm(stream: Stream, hours: int) -> Result:
    found = [result for _, result in steps(monitor(stream), stream.hours(hours)) if result.state == "drift"]
    assert found, "no alarm"
    return found[0]


def test_two_weeks_without_a_change_are_alright_in_every_window() -> None:
    stream = Stream(QUIET, 1)
    assert {result.state for _, result in steps(monitor(stream), stream.hours(14 * 24))} == {"ok"}


def test_a_daily_rhythm_of_the_features_is_no_drift_but_would_be_without_knowing_it() -> None:
    stream = Stream(World(low=500, high=3000, season=0.4, baseline_rows=200_000), 2)
    hours = list(stream.hours(3 * 24))
    assert {result.state for _, result in steps(monitor(stream), iter(hours))} == {"ok"}
    ignorant = Monitor(stream.baseline, Criteria(), BUDGET)
    assert "drift" in {result.state for _, result in steps(ignorant, iter(hours))}


PUT_FORWARD = 6 * 24 + 7  # hours from `START` until New York puts its clocks forward


def put_forward(stream: Stream, hours: int) -> Iterator[Profile]:
    """Yield hours of people in New York, who do everything an hour earlier from a night on."""
    for number, window in enumerate(stream.hours(hours)):
        if number == PUT_FORWARD - 1:  # the next window is drawn after this one
            stream.truths = [replace(truth, phase=truth.phase - 1) for truth in stream.truths]
        yield window


@pytest.mark.parametrize(("timezone", "states"), [("America/New_York", {"ok"}), ("UTC", {"ok", "drift"})])
def test_a_clock_that_is_put_forward_is_no_drift_where_the_time_zone_is_known(timezone: str, states: set[str]) -> None:
    stream = Stream(World(low=500, high=10_000, season=0.6), 1)
    rhythm = learn(stream.baseline, stream.past(), timezone)
    watch = Monitor(stream.baseline, Criteria(), BUDGET, rhythm)
    assert {result.state for _, result in steps(watch, put_forward(stream, PUT_FORWARD + 72))} == states


@pytest.mark.parametrize("at", [27, 34, 41])
def test_a_change_is_found_at_any_hour_also_where_the_season_makes_up_for_it(at: int) -> None:
    world = World(season=0.2, baseline_rows=100_000)
    stream = Stream(world, 900, Change("mean", at, 0.2), rows=2000)
    hours = {result.time for _, result in steps(monitor(stream), stream.hours(at + 5)) if result.state == "drift"}
    assert hours
    assert min(hours) >= START + at * HOUR


@pytest.mark.parametrize(
    "world",
    [World(wander=0.05), World(season=0.2, wander=0.05, jitter=0.05, baseline_rows=50_000)],
    ids=["days differ", "days and hours differ, which few rows show"],
)
def test_what_wandered_in_the_training_period_too_is_no_drift(world: World) -> None:
    stream = Stream(world, 5000)
    assert "drift" not in {result.state for _, result in steps(monitor(stream), stream.hours(12 * 24))}


@pytest.mark.parametrize(
    ("change", "feature", "test"),
    [
        (Change("mean", 12, 0.2), "number0", "kolmogorov_smirnov"),
        (Change("scale", 12, 1.5), "number0", "kolmogorov_smirnov"),
        (Change("missing", 12, 0.02), "number0", "missing_share"),
        (Change("category", 12, 0.01), "category5", "unseen_categories"),
    ],
    ids=lambda value: value.kind if isinstance(value, Change) else "",
)
def test_a_change_is_alarmed_within_three_hours_and_dated(change: Change, feature: str, test: str) -> None:
    result = first_alarm(Stream(QUIET, 3, change, rows=2000), 24)
    (finding,) = [each for each in result.findings if each.drifted]
    assert (finding.feature, finding.test) == (feature, test)
    assert START + 12 * HOUR <= result.time < START + 15 * HOUR
    assert finding.since == START + 12 * HOUR
    assert finding.sudden
    assert finding.effect >= finding.material
    assert finding.evidence >= 1
    assert finding.how


def test_a_jump_stays_one_and_keeps_its_beginning_where_windows_have_few_rows() -> None:
    stream = Stream(World(low=50, high=500, baseline_rows=60_000), 106, Change("mean", 78, 0.5))
    found = [result.findings for _, result in steps(monitor(stream), stream.hours(110))][78:]
    dated = {(each.since, each.sudden) for findings in found for each in findings if each.drifted}
    assert dated == {(START + 78 * HOUR, True)}


def test_a_slow_ramp_is_told_from_a_jump_a_day_after_the_alarm() -> None:
    stream = Stream(QUIET, 4, Change("ramp", 12, 0.1), rows=2000)
    *_, (_, last) = steps(monitor(stream), stream.hours(3 * 24))
    (finding,) = [each for each in last.findings if each.drifted]
    assert finding.feature == "number0"
    assert finding.since is not None
    assert finding.since < START + 36 * HOUR
    assert finding.sudden is False


def test_drift_lasts_as_long_as_the_change_and_is_over_soon_after() -> None:
    changed = Stream(QUIET, 5, Change("mean", 0, 0.3), rows=2000)
    normal = Stream(QUIET, 5, rows=2000)
    windows = [*list(changed.hours(20))[:12], *list(normal.hours(20))[12:]]
    for window in windows:
        window.baseline = normal.baseline.fingerprint
    states = [result.state for _, result in steps(monitor(normal), iter(windows))]
    assert states[2:12] == ["drift"] * 10
    assert states[-4:] == ["ok"] * 4


def test_an_immaterial_change_is_no_drift_however_long_it_lasts() -> None:
    stream = Stream(QUIET, 6, Change("mean", 0, 0.03), rows=20_000)
    assert {result.state for _, result in steps(monitor(stream), stream.hours(7 * 24))} == {"ok"}


def test_windows_with_few_rows_are_merged_and_never_called_alright_before() -> None:
    stream = Stream(QUIET, 7, rows=90)
    found = [(result.state, result.rows) for _, result in steps(monitor(stream), stream.hours(6))]
    few = "not_enough_data"
    assert found == [(few, 90), (few, 180), ("ok", 270), (few, 90), (few, 180), ("ok", 270)]


def test_a_state_goes_through_json_and_a_window_can_be_tested_again() -> None:
    stream = Stream(QUIET, 8, Change("mean", 2, 0.2), rows=150)
    watch = monitor(stream)
    state = None
    for window in stream.hours(30):
        before = None if state is None else msgspec.json.decode(msgspec.json.encode(state), type=MonitorState)
        kept = msgspec.json.encode(window)
        once, again = watch.step(state, window), watch.step(before, window)
        assert msgspec.json.encode(once) == msgspec.json.encode(again)
        assert msgspec.json.encode(window) == kept
        state = once[0]
    assert len(msgspec.json.encode(state)) < 100_000


def test_a_window_out_of_order_and_one_of_another_baseline_are_refused() -> None:
    stream = Stream(QUIET, 9)
    watch = monitor(stream)
    first, second = stream.hours(2)
    state, _ = watch.step(None, second)
    with pytest.raises(ValueError, match="is not after"):
        watch.step(state, first)
    first.baseline = "another"
    with pytest.raises(ValueError, match="another baseline"):
        watch.step(None, first)


def test_without_a_rhythm_the_first_days_are_for_learning_but_a_gross_change_shows() -> None:
    stream = Stream(QUIET, 10, Change("mean", 5, 0.5), rows=2000)
    states = [result.state for _, result in steps(Monitor(stream.baseline, Criteria(), BUDGET), stream.hours(8))]
    assert states[:5] == ["learning"] * 5
    assert states[-1] == "drift"


def test_a_rhythm_is_small_and_is_left_alone_when_it_does_not_fit() -> None:
    stream = Stream(QUIET, 11)
    rhythm = learn(stream.baseline, stream.past())
    assert rhythm is not None
    assert len(msgspec.json.encode(rhythm)) < 60_000
    assert msgspec.json.decode(msgspec.json.encode(rhythm), type=Rhythm) == rhythm
    watch = monitor(stream)
    old = msgspec.structs.replace(rhythm, version=0)
    assert not Usual(old, watch.channels).learned
    assert learn(stream.baseline, list(stream.past())[:20]) is None


@pytest.mark.parametrize("hours", [52, 71, 73])
def test_a_training_period_of_two_days_and_more_is_enough_to_begin_with(hours: int) -> None:
    stream = Stream(QUIET, 12)
    rhythm = learn(stream.baseline, list(stream.past())[:hours])
    watch = Monitor(stream.baseline, Criteria(), BUDGET, rhythm)
    assert {result.state for _, result in steps(watch, stream.hours(6))} == {"ok"}


def test_another_least_effect_and_another_test_are_taken_from_the_criteria() -> None:
    stream = Stream(QUIET, 12, Change("mean", 0, 0.3), rows=2000)
    lenient = Criteria(minimum_effect={"kolmogorov_smirnov": 0.5})
    assert {result.state for _, result in steps(monitor(stream, lenient), stream.hours(12))} == {"ok"}
    _, result = monitor(stream, Criteria(tests={"number0": "psi"})).step(None, next(stream.hours(1)))
    assert "psi" in {finding.test for finding in result.findings if finding.feature == "number0"}


def test_gaps_between_windows_are_no_hindrance() -> None:
    stream = Stream(QUIET, 13)
    windows = [window for window in stream.hours(48) if window.start.hour % 5 == 0]
    found = [result for _, result in steps(monitor(stream), iter(windows))]
    assert {result.state for result in found} == {"ok"}
    assert found[-1].time - found[0].time > timedelta(days=1)


def test_every_number_of_a_result_is_finite() -> None:
    stream = Stream(QUIET, 14, Change("missing", 0, 0.9), rows=400)
    for _, result in steps(monitor(stream), stream.hours(5)):
        for finding in result.findings:
            assert np.isfinite([finding.statistic, finding.p_value, finding.effect, finding.evidence]).all()
