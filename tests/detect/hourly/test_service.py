"""Many processes: in the order in which they depend on each other, and none held up by another one's failure."""

from __future__ import annotations

import threading
from datetime import datetime

import msgspec
import pytest
from elastic_transport import ConnectionError as Unreachable
from prometheus_client import generate_latest

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.detect.hourly.service import Service, in_order
from aiwatch.detect.rhythm import VERSION, Rhythm
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result
from tests.detect.hourly.made_up import CountingJudge, MemoryStore, at, baseline, process, profile

HELD = baseline()
LOW, HIGH = [0.5] * 10, [1.5] * 10


def catalogue(*processes) -> Catalogue:
    return Catalogue(Framework(), processes)


def series(service: Service, prefix: str) -> dict[str, float]:
    lines = generate_latest(service.metrics.registry).decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if name.startswith(prefix)
    }


def filled(hours: int, high: tuple[int, ...] = ()) -> MemoryStore:
    store = MemoryStore()
    for hour in range(hours):
        store.arrive("a", profile(hour, HIGH if hour in high else LOW, HELD))
    return store


def serving(store: MemoryStore, *processes, judges: dict[str, CountingJudge] | None = None) -> Service:
    held = judges if judges is not None else {}
    service = Service(store, lambda one, _: held.setdefault(one.name, CountingJudge()))
    service.follow(catalogue(*processes))
    return service


def test_a_report_is_stored_before_its_process_is_shown_to_drift() -> None:
    store = filled(4, high=(3,))
    seen: list[tuple[bool, bool]] = []

    class Watching(MemoryStore):
        def put(self, tested) -> None:
            shown = 'ai_drift_detected{feature="amount",process="fraud"}'
            seen.append((tested.result.state == "drift", series(service, shown).get(shown) == 1.0))
            super().put(tested)

    store.__class__ = Watching
    service = serving(store, process(held=HELD))
    assert service.look(at(4.5)) == []
    assert seen[-1] == (True, False)
    assert series(service, "ai_drift_report_info") == {
        'ai_drift_report_info{process="fraud",report="fraud:20260302T0300Z"}': 1.0
    }
    assert series(service, "ai_drift_cause_info")


def test_one_process_that_fails_does_not_stop_the_others() -> None:
    judges = {"bad": CountingJudge(), "fraud": CountingJudge()}
    judges["bad"].fail_at = at(2)
    service = serving(filled(4), process("bad", HELD), process(held=HELD), judges=judges)
    assert service.look(at(5)) == ["bad"]
    assert series(service, "aiwatch_drift_failures_total") == {
        'aiwatch_drift_failures_total{process="bad"}': 1.0,
        'aiwatch_drift_failures_total{process="fraud"}': 0.0,
    }
    assert 'ai_drift_window_rows{process="fraud"}' in series(service, "ai_drift_window_rows")


def with_volume(rows: int) -> Baseline:
    """A baseline that knows how many rows come in every hour of the week but the first."""
    volume = (0, *(rows,) * 167)
    rhythm = Rhythm(
        version=VERSION, windows=168, season=(), error=(), spread=(), white=(), slow=(), relation=0, volume=volume
    )
    return msgspec.structs.replace(HELD, rhythm=msgspec.Raw(msgspec.json.encode(rhythm)))


class Merging(CountingJudge):
    """Tests every window together with those before it, as the monitor does where there are few rows."""

    def judge(self, memory: bytes, window: Profile, *further) -> tuple[bytes, Result]:
        later, result = super().judge(memory, window, *further)
        return later, msgspec.structs.replace(result, rows=sum(msgspec.json.decode(later)))


def test_the_rows_of_the_newest_window_alone_are_shown_beside_those_that_its_hour_usually_has() -> None:
    held = with_volume(40)
    store = MemoryStore()
    for hour in range(3):
        store.arrive("a", profile(hour, LOW, held))
    service = serving(store, process(held=held), judges={"fraud": Merging()})
    service.look(at(3.5))
    assert series(service, "ai_drift_window_rows") == {'ai_drift_window_rows{process="fraud"}': 10.0}
    assert series(service, "ai_drift_window_usual_rows") == {'ai_drift_window_usual_rows{process="fraud"}': 40.0}


def test_a_window_that_lost_all_its_rows_is_shown_with_none() -> None:
    held = with_volume(40)
    store = MemoryStore()
    store.arrive("a", profile(0, LOW, held))
    service = serving(store, process(held=held))
    service.look(at(2.5))
    assert series(service, "ai_drift_window_rows") == {'ai_drift_window_rows{process="fraud"}': 0.0}


@pytest.mark.parametrize("held", [HELD, with_volume(40)], ids=["no rhythm", "an hour that never came"])
def test_where_it_is_not_known_what_is_usual_nothing_is_said_of_it(held: Baseline) -> None:
    store = MemoryStore()
    store.arrive("a", profile(0, LOW, held))
    service = serving(store, process(held=held))
    service.look(at(1.5))
    assert series(service, "ai_drift_window_rows")
    assert series(service, "ai_drift_window_usual_rows") == {}


def test_without_elasticsearch_the_metrics_say_how_old_they_are_and_nothing_is_skipped() -> None:
    store = filled(10)
    service = serving(store, process(held=HELD))
    service.look(at(3.5))
    ended = 'ai_drift_window_end_timestamp_seconds{process="fraud"}'
    before = series(service, ended)
    store.seen = _unreachable
    for hour in (4.5, 5.5):
        assert service.look(at(hour)) == ["fraud"]
    assert series(service, "aiwatch_up") == {"aiwatch_up": 0.0}
    assert series(service, ended) == before == {ended: at(3).timestamp()}
    del store.seen
    assert service.look(at(6.5)) == []
    assert series(service, "aiwatch_up") == {"aiwatch_up": 1.0}
    assert sorted(each.link.start for each in store.documents.values()) == [at(hour) for hour in range(6)]


def _unreachable(*_: object) -> None:
    raise Unreachable("no route to host")


def test_a_process_without_a_baseline_says_so_from_the_first_day() -> None:
    service = serving(MemoryStore(), process("new"))
    assert service.look(at(1)) == []
    shown = series(service, "ai_drift_state")
    assert [name for name, value in shown.items() if value] == ['ai_drift_state{process="new",state="no_baseline"}']


def test_a_baseline_that_is_made_while_it_runs_is_followed_and_a_process_that_goes_is_forgotten() -> None:
    store = filled(4)
    service = serving(store, process(), process("gone"))
    service.look(at(5))
    service.follow(catalogue(process(held=HELD)))
    service.look(at(5))
    states = {name for name, value in series(service, "ai_drift_state").items() if value}
    assert states == {'ai_drift_state{process="fraud",state="ok"}'}


def test_a_new_baseline_is_shown_at_once_and_what_was_found_by_the_former_no_longer() -> None:
    service = serving(filled(4, high=(3,)), process(held=HELD))
    service.look(at(4.5))
    assert series(service, 'ai_drift_state{process="fraud",state="drift"}').popitem()[1] == 1.0
    renewed = msgspec.structs.replace(baseline(rows=200), created=at(4))
    service.follow(catalogue(process(held=renewed)))
    assert service.look(at(4.6)) == []
    assert series(service, 'ai_drift_state{process="fraud",state="not_enough_data"}').popitem()[1] == 1.0
    made = 'ai_baseline_timestamp_seconds{process="fraud"}'
    assert series(service, made) == {made: at(4).timestamp()}


def test_what_was_found_stays_shown_where_a_changed_process_cannot_be_looked_at() -> None:
    store = filled(4, high=(3,))
    service = serving(store, process(held=HELD))
    service.look(at(4.5))
    store.seen = _unreachable
    service.follow(catalogue(process(held=baseline(rows=200))))
    assert service.look(at(4.6)) == ["fraud"]
    assert series(service, 'ai_drift_state{process="fraud",state="drift"}').popitem()[1] == 1.0


class Effects(CountingJudge):
    """Finds an effect that is greater by the second baseline than by the first."""

    def judge(self, memory: bytes, window: Profile, *further) -> tuple[bytes, Result]:
        later, result = super().judge(memory, window, *further)
        effect = 0.1 if window.baseline == HELD.fingerprint else 0.7
        findings = tuple(msgspec.structs.replace(each, effect=effect) for each in result.findings)
        return later, msgspec.structs.replace(result, findings=findings)


def test_no_trend_is_seen_in_results_of_two_baselines() -> None:
    store, renewed = filled(60), baseline(rows=200)
    judges = {"fraud": Effects()}
    serving(store, process(held=HELD), judges=judges).look(at(60.5))
    for hour in range(60, 120):
        store.arrive("a", profile(hour, LOW, renewed))
    service = serving(store, process(held=renewed), judges=judges)
    service.look(at(120.5))
    assert len(judges["fraud"].judged) == 120
    assert series(service, "ai_drift_expected_seconds") == {}


def test_processes_come_after_those_that_they_depend_on() -> None:
    a, b, c = process("a", upstream=["c"]), process("b"), process("c", upstream=["b"])
    assert [each.name for each in in_order([a, b, c])] == ["b", "c", "a"]
    x, y = process("x", upstream=["y"]), process("y", upstream=["x"])
    assert [each.name for each in in_order([y, x])] == ["x", "y"]


def test_the_results_of_upstream_processes_are_at_hand_when_drift_is_explained() -> None:
    judges: dict[str, CountingJudge] = {}
    down = process("down", HELD, upstream=["feed", "other"])
    service = serving(filled(3, high=(2,)), down, process("feed", HELD), process("other"), judges=judges)
    service.look(at(4))
    assert [upstream for _, upstream in judges["down"].explained] == [["feed"]]
    assert [upstream for _, upstream in judges["feed"].explained] == [[]]


def test_it_looks_again_until_it_is_stopped_and_follows_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiwatch.detect.hourly.service.PAUSE_SECONDS", 0.001)
    service, stop = serving(filled(6), process()), threading.Event()
    catalogues = iter([catalogue(process(held=HELD))])
    hours = iter([1.5, 2.5, 3.5])

    def clock() -> datetime:
        hour = next(hours, None)
        if hour is None:
            stop.set()
        return at(hour if hour is not None else 4.5)

    service.run(stop, clock, lambda: next(catalogues, None))
    ended = 'ai_drift_window_end_timestamp_seconds{process="fraud"}'
    assert series(service, ended) == {ended: at(4).timestamp()}


@pytest.mark.parametrize("method", ["remove_others", "results"])
def test_what_was_found_is_shown_at_the_next_look_when_the_store_failed_after_it_was_stored(method: str) -> None:
    store = filled(4)
    service = serving(store, process(held=HELD))
    service.look(at(4.5))
    store.arrive("a", profile(4, HIGH, HELD))
    store.arrive("late", profile(2, LOW, HELD))  # so that there is something to remove
    setattr(store, method, _unreachable)
    assert service.look(at(5.5)) == ["fraud"]
    delattr(store, method)
    assert service.look(at(5.6)) == []
    assert series(service, "ai_drift_report_info") == {
        'ai_drift_report_info{process="fraud",report="fraud:20260302T0400Z"}': 1.0
    }


def test_windows_that_were_tested_before_a_failure_are_counted_too_and_none_twice() -> None:
    judge = CountingJudge()
    judge.fail_at = at(2)
    service = serving(filled(4), process(held=HELD), judges={"fraud": judge})
    counted = 'aiwatch_drift_windows_total{process="fraud"}'
    assert service.look(at(5)) == ["fraud"]
    assert series(service, counted) == {counted: 2.0}
    judge.fail_at = None
    assert service.look(at(5)) == []
    assert series(service, counted) == {counted: 4.0}
