"""What is found lasts from window to window, with its cause, and not longer than it is there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

import msgspec

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.detect.hourly.judging import ProcessJudge
from aiwatch.detect.hourly.service import Service
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result
from tests.detect.hourly.made_up import MemoryStore, at, baseline, process

HELD: Baseline = msgspec.structs.replace(baseline(10_000), labels={0: (10_000, 2000.0), 1: (10_000, 2000.0)}, repeats=1)


def made(hour: int, rows: int, *, positive: float = 0.2, high: float = 0.5) -> Profile:
    """Return an hour of predictions: which share has a positive outcome, and which a high amount."""
    rng, fold = random.Random(hour), Fold(HELD)
    profile = fold.empty("1", at(hour))
    for _ in range(rows):
        amount = 0.5 + (rng.random() < high)
        fold.add(profile, {"amount": amount}, rng.random(), label=float(rng.random() < positive))
    return profile


def found(hours: Sequence[Profile], until: datetime) -> list[Result]:
    store = MemoryStore()
    for profile in hours:
        store.arrive("a", profile)
    service = Service(store, ProcessJudge)
    service.follow(Catalogue(Framework(), (process(held=HELD),)))
    assert service.look(until) == []
    return [tested.result for _, tested in sorted(store.documents.items())]


def states(results: Sequence[Result]) -> str:
    return "".join("D" if result.state == "drift" else "." for result in results)


def test_other_outcomes_go_on_to_drift_until_three_windows_were_calm() -> None:
    hours = [made(hour, 400, positive=0.31 if 10 <= hour < 40 else 0.2) for hour in range(50)]
    assert states(found(hours, at(51))) == 11 * "." + 31 * "D" + 8 * "."


def test_other_outcomes_began_in_the_window_in_which_they_were_first_seen() -> None:
    *_, last = found([made(hour, 400, positive=0.6 if hour >= 10 else 0.2) for hour in range(20)], at(21))
    assert [(each.feature, each.since) for each in last.findings if each.drifted] == [("outcomes", at(10))]


def test_other_outcomes_go_on_to_drift_while_windows_have_too_few_rows_to_be_tested() -> None:
    hours = [made(hour, 120, positive=0.7 if hour >= 10 else 0.2) for hour in range(30)]
    assert states(found(hours, at(31))) == 11 * "." + 19 * "D"


def test_an_hour_without_predictions_does_not_forget_why_the_model_drifts() -> None:
    hours = [made(hour, 1000, high=0.9 if hour >= 10 else 0.5) for hour in range(12)]
    *_, before, last = found([*hours, made(14, 1000)], at(14))
    assert (last.rows, last.state) == (0, "drift")
    assert last.causes == before.causes != ()
    assert last.text
    assert last.report


def test_what_a_former_version_remembered_is_gone_on_from() -> None:
    window = made(0, 400)
    one = ProcessJudge(process(held=HELD), HELD)
    memory, _ = one.judge(b"", window, [window], lambda _: [window], {})
    former = msgspec.msgpack.decode(memory)
    assert {former.pop(name) for name in ("claimed", "calm")} == {None, 1}
    later = made(1, 400)
    assert one.judge(msgspec.msgpack.encode(former), later, [later], lambda _: [later], {})[1].state == "learning"
