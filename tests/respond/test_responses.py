"""What an alert sets off: once, step by step until it is done, and undone when a person resumes."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from aiwatch.respond.adapters.contract import Case
from aiwatch.respond.adapters.http_call import call
from aiwatch.respond.gate import gate
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.responses import NotUnderReviewError
from aiwatch.respond.review import Review
from aiwatch.respond.store import StoreError
from aiwatch.respond.windows import Change, WindowResult
from tests.respond.rig import PROCESS, START, LostAnswers, Rig, Switch, drift_alert, hour
from tests.respond.test_request import drip, speaker


@pytest.fixture
def rig() -> Rig:
    return Rig()


def review(rig: Rig) -> Review:
    return rig.responses.journal.reviews[PROCESS]


def drifted(number: int, **changes: Any) -> WindowResult:
    return WindowResult(start=hour(number), end=hour(number + 1), state="drift", model_version="7", **changes)


def test_an_alert_flags_pauses_and_quarantines_and_every_attempt_is_in_the_trail(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    assert review(rig).open
    assert not gate(review(rig), "").allowed
    assert rig.adapters["switch"].calls == []  # whoever delivers the alert does not wait for adapters
    rig.work()
    assert rig.adapters["switch"].calls == ["look", "pause"]
    assert rig.events == [
        "opened",
        "started quarantine pause",
        "quarantined",
        "succeeded quarantine pause",
        "started switch pause",
        "succeeded switch pause",
    ]


def test_an_alert_that_repeats_changes_nothing_also_after_a_restart(rig: Rig) -> None:
    for _ in range(3):
        rig.responses.notice([drift_alert(), drift_alert()])
        rig.work(minutes=10)
        rig.restart()
        rig.work()
    assert rig.adapters["switch"].calls == ["look", "pause"]
    assert len(rig.events) == 6


def test_other_alerts_resolved_ones_and_those_of_unknown_processes_set_off_nothing(rig: Rig) -> None:
    other = {"alertname": "ErrorRateHigh", "process": PROCESS}
    unknown = {"alertname": "ModelDrift", "process": "nobody"}
    nobody = {"alertname": "ModelDrift"}
    rig.responses.notice([*(drift_alert(labels=labels) for labels in (other, unknown, nobody))])
    rig.responses.notice([drift_alert(status="resolved", ends_at=hour(1))])
    rig.work()
    assert rig.events == []


def test_a_second_alert_joins_the_review_that_is_open(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.responses.notice([drift_alert(hour(2)), drift_alert(hour(2))])
    rig.work()
    assert rig.events[:2] == ["opened", "joined"]
    assert rig.adapters["switch"].calls == ["look", "pause"]


def test_a_failing_adapter_is_tried_again_ever_more_slowly_and_stops_no_other_one() -> None:
    rig = Rig(adapters={"broken": Switch(broken=True), "switch": Switch()})
    rig.responses.notice([drift_alert()])
    rig.work()
    assert rig.adapters["switch"].on
    attempts = [len(rig.adapters["broken"].calls)]
    for seconds in (4, 1, 9, 1, 19, 1):
        rig.work(seconds=seconds)
        attempts.append(len(rig.adapters["broken"].calls))
    assert attempts == [1, 1, 2, 2, 3, 3, 4]
    rig.adapters["broken"].broken = False
    rig.work(minutes=1)
    assert rig.adapters["broken"].on
    assert review(rig).outcomes == {
        ("quarantine", "succeeded"): 1,
        ("switch", "succeeded"): 1,
        ("broken", "failed"): 4,
        ("broken", "succeeded"): 1,
    }


def test_a_system_that_answers_byte_by_byte_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiwatch.respond.adapters.http_call._SECONDS", 0.2)

    class Dripping(Switch):
        def pause(self, case: Case, memo: Any) -> str:
            return str(call("POST", url))

    with speaker(drip) as url:
        rig = Rig(adapters={"dripping": Dripping(), "switch": Switch()})
        rig.responses.notice([drift_alert()])
        started = time.monotonic()
        rig.work()
        assert time.monotonic() - started < 5
    assert review(rig).steps["dripping"].detail.endswith("no answer in time")
    assert rig.adapters["switch"].on


def test_a_mistake_in_an_adapter_counts_as_a_failure(rig: Rig) -> None:
    class Mistaken(Switch):
        def pause(self, case: Case, memo: Any) -> str:
            raise ZeroDivisionError("oops")

    rig.adapters["switch"] = Mistaken()
    rig.responses.notice([drift_alert()])
    rig.work()
    assert rig.events[-1] == "failed switch pause"
    assert review(rig).steps["switch"].detail == "ZeroDivisionError: oops"


def test_resuming_undoes_what_was_done_and_is_kept_with_name_and_reason(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.responses.resume(PROCESS, "Ada", "the feed is mended", release=False)
    assert gate(review(rig), "").reason == "resumed by Ada at 2026-03-01 09:00 UTC: the feed is mended"
    rig.work()
    switch = rig.adapters["switch"]
    assert (switch.calls, switch.on) == (["look", "pause", "resume"], False)
    assert (switch.cases[-1].by, switch.cases[-1].reason) == ("Ada", "the feed is mended")
    with pytest.raises(NotUnderReviewError, match="is not under review: Ada resumed it at 2026-03-01 09:00 UTC"):
        rig.responses.resume(PROCESS, "Bob", "again", release=False)


def test_what_was_on_before_stays_on(rig: Rig) -> None:
    switch = rig.adapters["switch"] = Switch(on=True)
    rig.restart()
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.work()
    assert switch.on


def test_what_a_person_changed_between_two_reviews_is_what_the_second_one_restores(rig: Rig) -> None:
    switch = rig.adapters["switch"]
    for number, on in enumerate((False, True)):
        switch.on = on
        rig.responses.notice([drift_alert(hour(number))])
        rig.work()
        rig.responses.resume(PROCESS, "Ada", "fine", release=False)
        rig.work()
        assert switch.on == on


def test_an_alert_that_goes_on_after_resuming_pauses_no_more_but_a_new_one_does(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.work()
    rig.responses.notice([drift_alert()])
    rig.work(hours=1)
    assert not review(rig).open
    rig.responses.notice([drift_alert(hour(5))])
    rig.work()
    assert (review(rig).paused, review(rig).case, rig.adapters["switch"].on) == (True, 2, True)
    assert rig.adapters["switch"].cases[-1].id == f"{PROCESS}:2:switch:pause"


def test_a_review_that_opens_before_the_last_one_was_undone_still_knows_how_things_were(rig: Rig) -> None:
    switch = rig.adapters["switch"]
    rig.responses.notice([drift_alert()])
    rig.work()
    switch.broken = True
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.work()
    rig.responses.notice([drift_alert(hour(5))])
    switch.broken = False
    rig.work(hours=1)
    assert switch.on
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.work()
    assert not switch.on


def test_a_person_who_resumes_while_an_adapter_is_at_work_is_obeyed(rig: Rig) -> None:
    class Slow(Switch):
        def pause(self, case: Case, memo: Any) -> str:
            rig.responses.resume(PROCESS, "Ada", "false alarm", release=False)
            return super().pause(case, memo)

    switch = rig.adapters["switch"] = Slow()
    rig.responses.notice([drift_alert()])
    rig.work()
    assert switch.on
    rig.work()
    assert not switch.on
    assert review(rig).steps["switch"].finished


def test_without_pause_retraining_the_gate_stays_open_and_nothing_that_only_pauses_is_asked() -> None:
    rig = Rig(adapters={"dag": Switch(only_pauses=True), "registry": Switch()}, pauses=False)
    rig.responses.notice([drift_alert()])
    rig.work()
    assert review(rig).open
    assert gate(review(rig), "").allowed
    assert (rig.adapters["dag"].on, rig.adapters["registry"].on) == (False, True)
    assert review(rig).windows != ()


def test_a_step_that_left_the_catalogue_is_dropped(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.adapters.clear()
    rig.restart()
    rig.work()
    assert rig.events[-1] == "dropped switch pause"
    assert review(rig).steps["switch"].finished


def answer(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.work()


class Killed(BaseException):
    """Ends the process, as far as the test is concerned."""


@pytest.mark.parametrize("on_before", [False, True])
@pytest.mark.parametrize(("when", "number"), [(when, number) for when in ("before", "after") for number in range(1, 7)])
def test_a_kill_at_any_entry_leaves_one_effect_and_a_complete_trail(when: str, number: int, on_before: bool) -> None:
    class Deadly(MemoryTrail):
        armed = True

        def create(self, entry: Any) -> bool:
            fatal = self.armed and entry.number == number
            if fatal and when == "before":
                raise Killed
            kept = super().create(entry)
            if fatal:
                raise Killed
            return kept

    rig = Rig(adapters={"switch": Switch(on=on_before)}, trail=Deadly())
    with pytest.raises(Killed):
        answer(rig)
    Deadly.armed = False
    rig.restart()
    rig.responses.notice([drift_alert()])  # Alertmanager repeats it
    rig.work(minutes=1)
    state = review(rig)
    assert rig.adapters["switch"].on
    assert state.case == 1
    assert all(step.status == "succeeded" for step in state.steps.values())
    assert [entry.number for entry in rig.responses.journal.entries(PROCESS)] == list(range(1, state.number + 1))
    assert [event for event in rig.events if event == "quarantined"] == ["quarantined"]
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.work()
    assert rig.adapters["switch"].on == on_before


def test_an_entry_whose_answer_was_lost_is_not_written_twice() -> None:
    trail = LostAnswers(MemoryTrail(), lost=1)
    rig = Rig(trail=trail)
    with pytest.raises(StoreError):
        rig.responses.notice([drift_alert()])
    rig.responses.notice([drift_alert()])
    trail.lost = 3
    for _ in range(4):
        rig.work(minutes=1)
    assert rig.events.count("opened") == 1
    assert rig.events.count("quarantined") == 1
    assert all(step.finished for step in review(rig).steps.values())


def test_two_responders_at_once_answer_an_alert_once() -> None:
    trail = MemoryTrail()
    one, other = Rig(trail=trail), Rig(trail=trail)
    one.work()
    other.work()
    one.responses.notice([drift_alert()])
    other.responses.notice([drift_alert()])
    one.work()
    other.work()
    assert (one.events.count("opened"), review(other).case) == (1, 1)
    assert other.adapters["switch"].calls == []


def test_windows_that_drift_later_are_quarantined_too_until_a_person_resumes(rig: Rig) -> None:
    rig.results.results = [drifted(-2), drifted(-1)]
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.results.results.append(drifted(0))
    rig.work(minutes=2)
    (window,) = gate(review(rig), "").quarantined
    assert (window.start, window.end, window.model_version) == (hour(-2), hour(1), "7")
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    rig.results.results.append(drifted(1))
    rig.work(minutes=2)
    assert gate(review(rig), "").quarantined == (window,)


def test_what_is_released_may_be_learned_from_but_not_what_was_quarantined_before(rig: Rig) -> None:
    def one_review(number: int, release: bool) -> None:
        rig.clock.now = hour(number + 1)
        rig.results.results.append(drifted(number))
        rig.responses.notice([drift_alert(hour(number + 1))])
        rig.work()
        rig.responses.resume(PROCESS, "Ada", "fine", release=release)

    one_review(0, release=False)
    one_review(10, release=True)
    assert [window.start for window in review(rig).windows] == [hour(0)]
    one_review(11, release=False)
    assert [window.start for window in review(rig).windows] == [hour(0), hour(11)]


def test_without_results_everything_from_the_alert_until_resuming_is_quarantined(rig: Rig) -> None:
    rig.responses.notice([drift_alert()])
    rig.work()
    (window,) = gate(review(rig), "").quarantined
    assert (window.start, window.end) == (START, None)
    rig.clock.now = hour(3)
    rig.responses.resume(PROCESS, "Ada", "fine", release=False)
    (window,) = gate(review(rig), "").quarantined
    assert (window.start, window.end) == (START, hour(3))


def test_a_quarantine_waits_for_results_that_cannot_be_read_and_adapters_do_not(rig: Rig) -> None:
    rig.results.broken = True
    rig.responses.notice([drift_alert()])
    rig.work()
    rig.work(seconds=1)
    assert rig.adapters["switch"].on
    assert review(rig).windows == ()
    assert rig.events.count("failed quarantine pause") == 1
    rig.results.broken = False
    rig.work(seconds=5)
    assert len(review(rig).windows) == 1
    rig.results.broken = True
    rig.work(minutes=2)  # a look for further windows that fails is no step that failed
    assert rig.events.count("failed quarantine pause") == 1


def test_an_adapter_is_told_the_windows_that_are_quarantined(rig: Rig) -> None:
    since = hour(-3)
    change = drifted(-1, findings=(Change(drifted=True, since=since), Change(drifted=False, since=hour(-9))))
    fine: list[datetime] = [hour(-4), hour(-3), hour(-2)]
    rig.results.results = [WindowResult(start=at, end=at.replace(minute=59), state="ok") for at in fine] + [change]
    rig.responses.notice([drift_alert()])
    rig.work()
    assert [window.start for window in rig.adapters["switch"].cases[0].windows] == [hour(-3), hour(-2), hour(-1)]
