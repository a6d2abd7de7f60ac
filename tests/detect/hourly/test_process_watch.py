"""Every window is tested once, in order; again when late rows came; and after a kill as if nothing had happened."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from aiwatch.detect.hourly.process_watch import ProcessWatch
from tests.detect.hourly.made_up import HOUR, CountingJudge, MemoryStore, at, baseline, process, profile

HELD = baseline()
LOW, HIGH = [0.5] * 10, [1.5] * 10


def watch(store: MemoryStore, judge: CountingJudge, length: timedelta = HOUR, held=HELD) -> ProcessWatch:
    return ProcessWatch(process(held=held), held, length, judge, store)


def filled(hours: int, high: tuple[int, ...] = ()) -> MemoryStore:
    store = MemoryStore()
    for hour in range(hours):
        store.arrive("a", profile(hour, HIGH if hour in high else LOW, HELD))
    return store


def test_every_closed_window_is_tested_once_and_the_open_one_is_not() -> None:
    store, judge = filled(5), CountingJudge()
    one = watch(store, judge)
    assert one.catch_up(at(4.2), {}) == 4
    assert judge.judged == [at(0), at(1), at(2), at(3)]
    assert one.catch_up(at(4.3), {}) == 0
    assert one.last is not None
    assert (one.last.result.id, one.last.result.rows) == ("fraud:20260302T0300Z", 10)


def test_a_window_is_closed_minutes_after_its_end_when_the_exporter_is_past_it_and_later_when_it_is_not() -> None:
    judge = CountingJudge()
    one = watch(filled(2), judge)
    assert [one.catch_up(at(1) + timedelta(minutes=minute), {}) for minute in (1, 4, 5)] == [0, 0, 1]
    assert [one.catch_up(at(2) + timedelta(minutes=minute), {}) for minute in (5, 14, 15)] == [0, 0, 1]


def test_an_hour_without_predictions_is_a_window_too() -> None:
    store, judge = filled(1), CountingJudge()
    store.arrive("a", profile(3, LOW, HELD))
    watch(store, judge).catch_up(at(5), {})
    assert [each.result.rows for each in store._of("fraud")] == [10, 0, 0, 10]


def test_parts_of_two_exporters_and_two_versions_are_one_window() -> None:
    store, judge = MemoryStore(), CountingJudge()
    store.arrive("a", profile(0, LOW, HELD))
    store.arrive("b", profile(0, LOW * 2, HELD))
    store.arrive("a", profile(0, LOW * 5, HELD, version="2"))
    one = watch(store, judge)
    one.catch_up(at(2), {})
    found = store.documents["fraud:20260302T0000Z"].result
    assert (found.rows, found.model_version) == (80, "2")


def test_longer_windows_begin_at_whole_multiples_of_their_length() -> None:
    store, judge = MemoryStore(), CountingJudge()
    for hour in range(4, 20):
        store.arrive("a", profile(hour, LOW, HELD))
    watch(store, judge, 6 * HOUR).catch_up(at(19), {})
    assert [(each.link.start, each.result.rows) for each in store._of("fraud")] == [
        (at(0), 20),
        (at(6), 60),
        (at(12), 60),
    ]


def test_a_restart_goes_on_and_comes_to_the_same_results() -> None:
    once, again = filled(8, high=(5,)), filled(8, high=(5,))
    watch(once, CountingJudge()).catch_up(at(9), {})
    for hour in range(1, 10):
        judge = CountingJudge()
        watch(again, judge).catch_up(at(hour), {})
        assert len(judge.judged) <= 2
    assert again.documents == once.documents


@pytest.mark.parametrize("writes", range(9))
def test_a_kill_at_any_write_changes_nothing_in_the_end(writes: int) -> None:
    once, killed = filled(8, high=(5,)), filled(8, high=(5,))
    watch(once, CountingJudge()).catch_up(at(9), {})
    killed.die_after = writes
    with pytest.raises(KeyboardInterrupt) if writes < 8 else pytest.MonkeyPatch.context():
        watch(killed, CountingJudge()).catch_up(at(9), {})
    killed.die_after = None
    watch(killed, CountingJudge()).catch_up(at(9), {})
    assert killed.documents == once.documents


def late(store: MemoryStore) -> MemoryStore:
    store.arrive("late", profile(2, HIGH * 3, HELD))
    return store


def test_late_rows_have_their_window_tested_again_and_all_after_it() -> None:
    store, judge = filled(8), CountingJudge()
    one = watch(store, judge)
    one.catch_up(at(9), {})
    late(store)
    judge.judged.clear()
    one.catch_up(at(9.1), {})
    assert judge.judged == [at(hour) for hour in range(2, 8)]
    assert store.documents["fraud:20260302T0200Z"].result.state == "drift"
    at_once = late(filled(8))
    watch(at_once, CountingJudge()).catch_up(at(9.1), {})
    assert store.documents == at_once.documents


@pytest.mark.parametrize("writes", range(6))
def test_a_kill_while_windows_are_tested_again_leaves_no_mixture(writes: int) -> None:
    store = filled(8)
    watch(store, CountingJudge()).catch_up(at(9), {})
    late(store)
    store.die_after = store.writes + writes
    with pytest.raises(KeyboardInterrupt):
        watch(store, CountingJudge()).catch_up(at(9.1), {})
    store.die_after = None
    watch(store, CountingJudge()).catch_up(at(9.2), {})
    at_once = late(filled(8))
    watch(at_once, CountingJudge()).catch_up(at(9.2), {})
    assert store.documents == at_once.documents


def resumed(hours: int) -> tuple[MemoryStore, ProcessWatch, datetime]:
    """Return a watch that went on from what was stored, and when the first window begins that it has at hand."""
    store = filled(hours)
    watch(store, CountingJudge()).catch_up(at(hours + 1), {})
    one = watch(store, CountingJudge())
    one.catch_up(at(hours + 1), {})
    assert one._links
    return store, one, one._links[0].start


def test_rows_that_are_late_by_more_than_all_that_is_at_hand_are_found_with_what_was_before_them() -> None:
    store, one, first = resumed(80)
    store.arrive("late", profile(round((first - at(0)) / HOUR), HIGH, HELD))
    one.catch_up(at(81.1), {})
    assert store.documents[f"fraud:{first:%Y%m%dT%H%MZ}"].result.rows == 20
    at_once = filled(80)
    at_once.arrive("late", profile(round((first - at(0)) / HOUR), HIGH, HELD))
    watch(at_once, CountingJudge()).catch_up(at(81.1), {})
    assert store.documents == at_once.documents


def test_late_rows_are_tested_although_the_windows_before_them_are_not_stored_any_more() -> None:
    store, one, first = resumed(80)
    for key in [key for key, each in store.documents.items() if each.link.start < first]:
        del store.documents[key]
    store.arrive("late", profile(round((first - at(0)) / HOUR), HIGH, HELD))
    one.catch_up(at(81.1), {})
    assert store.documents[f"fraud:{first:%Y%m%dT%H%MZ}"].result.rows == 20


def test_windows_can_be_asked_for_again() -> None:
    store, judge = filled(8), CountingJudge()
    one = watch(store, judge)
    one.catch_up(at(9), {})
    before, judge.judged = dict(store.documents), []
    one.restart(at(5))
    one.catch_up(at(9), {})
    assert judge.judged == [at(5), at(6), at(7)]
    assert store.documents == before


def test_as_of_a_time_in_the_past_is_shown_what_was_found_by_then_and_nothing_is_tested() -> None:
    store, judge = filled(8), CountingJudge()
    watch(store, judge).catch_up(at(9), {})
    before, judge.judged = dict(store.documents), []
    one = watch(store, judge)
    assert one.catch_up(at(4.5), {}) == 0
    assert one.last == before["fraud:20260302T0300Z"]
    assert store.documents == before


def test_what_is_tested_again_of_the_past_leaves_what_came_after_it() -> None:
    store, judge = filled(8), CountingJudge()
    watch(store, judge).catch_up(at(9), {})
    before, judge.judged = dict(store.documents), []
    one = watch(store, judge)
    one.restart(at(2))
    one.catch_up(at(5.5), {})
    assert judge.judged == [at(2), at(3), at(4)]
    assert store.documents == before


def test_windows_of_a_clock_that_was_ahead_are_tested_again_when_their_time_has_come() -> None:
    store, judge = filled(4), CountingJudge()
    watch(store, judge).catch_up(at(9), {})
    for hour in range(4, 8):
        store.arrive("a", profile(hour, LOW, HELD))
    one = watch(store, judge)
    assert one.catch_up(at(4.5), {}) == 0
    assert one.last is not None
    assert one.last.link.end == at(4)
    one.catch_up(at(9), {})
    assert [each.result.rows for each in store._of("fraud")] == [10] * 8


def test_where_nothing_was_tested_yet_testing_begins_where_it_is_asked_to() -> None:
    store, judge = filled(8), CountingJudge()
    one = watch(store, judge)
    one.restart(at(5))
    one.catch_up(at(9), {})
    assert judge.judged == [at(5), at(6), at(7)]
    watch(store, judge).catch_up(at(9), {})
    assert judge.judged == [at(5), at(6), at(7)]


def test_a_row_of_1970_does_not_have_half_a_century_of_empty_windows_tested() -> None:
    store, judge = filled(2), CountingJudge()
    store.arrive("a", profile(-490_000, LOW, HELD))
    assert watch(store, judge).catch_up(at(3), {}) == 2
    assert judge.judged == [at(0), at(1)]


def test_another_baseline_begins_anew_with_the_profiles_that_were_counted_for_it() -> None:
    store = filled(4)
    watch(store, CountingJudge()).catch_up(at(5), {})
    other = baseline(rows=7)
    for hour in (3, 4, 5):
        store.arrive("a", profile(hour, LOW, other))
    judge = CountingJudge()
    watch(store, judge, held=other).catch_up(at(7), {})
    assert judge.judged[0] == at(3)
    assert store.documents["fraud:20260302T0300Z"].result.findings[0].statistic == 0.0
    assert store.documents["fraud:20260302T0200Z"].link.baseline == HELD.fingerprint


def test_drift_is_explained_with_the_windows_before_it_and_what_is_upstream() -> None:
    store, judge = filled(60, high=(55,)), CountingJudge()
    one = watch(store, judge)
    one.catch_up(at(56.5), {"feed": None})
    [(windows, upstream)] = judge.explained
    assert windows == [at(hour) for hour in range(7, 56)]
    assert upstream == ["feed"]
    assert store.documents["fraud:20260304T0700Z"].result.causes[0].cause == "pipeline"


def test_what_fails_is_tried_again_and_nothing_is_skipped() -> None:
    store, judge = filled(6), CountingJudge()
    one, judge.fail_at = watch(store, judge), at(3)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            one.catch_up(at(7), {})
    judge.fail_at = None
    one.catch_up(at(7), {})
    assert judge.judged == [at(hour) for hour in range(6)]


class Away(Exception):
    """What a store raises that does not answer."""


class FaultyStore(MemoryStore):
    """Fails at one of its calls, counted from 1, before or after it did what was asked."""

    def __init__(self, call: int, *, done: bool) -> None:
        super().__init__()
        self.calls, self.call, self.done = 0, call, done

    def _called(self, method: str, *arguments: object) -> object:
        self.calls += 1
        if self.calls == self.call and not self.done:
            raise Away
        answer = getattr(MemoryStore, method)(self, *arguments)
        if self.calls == self.call:
            raise Away
        return answer

    def seen(self, *arguments):
        return self._called("seen", *arguments)

    def profiles(self, *arguments):
        return self._called("profiles", *arguments)

    def links(self, *arguments):
        return self._called("links", *arguments)

    def tested(self, *arguments):
        return self._called("tested", *arguments)

    def put(self, *arguments):
        return self._called("put", *arguments)

    def remove_others(self, *arguments):
        return self._called("remove_others", *arguments)


def history(store: MemoryStore, *, begun: bool) -> None:
    """Six hours, tested by one service and, when late rows have come, by the next or by the same one."""
    for hour in range(6):
        store.arrive("a", profile(hour, HIGH if hour == 4 else LOW, HELD))
    one = watch(store, CountingJudge())
    for now in (4, 7):
        catch_up_in_spite_of_a_fault(one, now)
    late(store)
    catch_up_in_spite_of_a_fault(one if begun else watch(store, CountingJudge()), 8)


def catch_up_in_spite_of_a_fault(one: ProcessWatch, now: float) -> None:
    try:
        one.catch_up(at(now), {})
    except Away:
        one.catch_up(at(now), {})


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("done", [True, False])
def test_a_store_that_fails_at_any_call_changes_nothing_in_the_end(begun: bool, done: bool) -> None:
    undisturbed = FaultyStore(0, done=done)
    history(undisturbed, begun=begun)
    assert undisturbed.calls > 20
    wrong = []
    for call in range(1, undisturbed.calls + 1):
        disturbed = FaultyStore(call, done=done)
        history(disturbed, begun=begun)
        wrong += [call] * (disturbed.documents != undisturbed.documents)
    assert wrong == []


def test_rows_that_come_while_the_store_is_away_are_in_the_result() -> None:
    store = filled(6)
    one = watch(store, CountingJudge())
    store.die_after = 2
    with pytest.raises(KeyboardInterrupt):
        one.catch_up(at(7), {})
    store.die_after = None
    late(store)
    one.catch_up(at(7), {})
    assert store.documents["fraud:20260302T0200Z"].result.rows == 40
