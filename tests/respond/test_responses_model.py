"""Alerts, failures, kills and people in any order: the world ends as the last decision says, and the trail tells it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.responses import NotUnderReviewError
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import Opened, Resumed
from tests.respond.rig import PROCESS, Rig, Switch, drift_alert, hour


class Killed(BaseException):
    """Ends the process, as far as the test is concerned."""


class Frail(MemoryTrail):
    """Fails at the writings it is told of: before or after it kept the entry, with an error or by a kill."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: list[tuple[bool, type[BaseException]] | None] = []

    def create(self, entry: Any) -> bool:
        step = self.plan.pop(0) if self.plan else None
        if step is None:
            return super().create(entry)
        is_kept, error = step
        if is_kept:
            super().create(entry)
        raise error("as planned")


class Responding(RuleBasedStateMachine):
    """A responder whose adapters are two switches, which a person may turn as well while nothing is under review."""

    @initialize(on=st.booleans())
    def begin(self, on: bool) -> None:
        self.trail = Frail()
        self.switches = {"one": Switch(on=on), "two": Switch(on=not on)}
        self.rig = Rig(adapters=self.switches, trail=self.trail)
        self.before = {name: switch.on for name, switch in self.switches.items()}
        self.alerts = 0

    def attempt(self, do: Any) -> None:
        """Do something that may fail or be killed; after a kill the responder starts again."""
        try:
            with suppress(StoreError):
                do()
        except Killed:
            self.rig.restart()

    @rule(new=st.booleans())
    def alert(self, new: bool) -> None:
        """A new alert, or the last one again."""
        self.alerts += new
        self.attempt(lambda: self.rig.responses.notice([drift_alert(hour(self.alerts))]))

    @rule(seconds=st.sampled_from([0, 5, 60, 3600]))
    def work(self, seconds: int) -> None:
        self.attempt(lambda: self.rig.work(seconds=seconds))

    @rule()
    def resume(self) -> None:
        def do() -> None:
            with suppress(NotUnderReviewError):
                self.rig.responses.resume(PROCESS, "Ada", "fine", release=False)

        self.attempt(do)

    @rule(name=st.sampled_from(["one", "two"]), broken=st.booleans())
    def break_or_mend(self, name: str, broken: bool) -> None:
        self.switches[name].broken = broken

    @rule(after=st.integers(0, 3), is_kept=st.booleans(), error=st.sampled_from([StoreError, Killed]))
    def plan_a_failure(self, after: int, is_kept: bool, error: type[BaseException]) -> None:
        self.trail.plan = [None] * after + [(is_kept, error)]

    @precondition(lambda self: self.is_settled())
    @rule(name=st.sampled_from(["one", "two"]))
    def turn(self, name: str) -> None:
        self.switches[name].on = self.before[name] = not self.switches[name].on

    def is_settled(self) -> bool:
        review = self.rig.responses.journal.reviews.get(PROCESS)
        return review is not None and not review.open and all(step.finished for step in review.steps.values())

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.trail.plan = []
        for switch in self.switches.values():
            switch.broken = False
        self.rig.restart()
        for _ in range(2):
            self.rig.work(hours=1)
        journal = self.rig.responses.journal
        review, entries = journal.reviews[PROCESS], journal.entries(PROCESS)
        assert all(step.finished for step in review.steps.values())
        for name, switch in self.switches.items():
            assert switch.on == (True if review.open else self.before[name]), name
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        turns = [type(entry) for entry in entries if isinstance(entry, Opened | Resumed)]
        assert turns == [(Opened, Resumed)[number % 2] for number in range(len(turns))]
        seen = [entry.alert_since for entry in entries if hasattr(entry, "alert_since")]
        assert len(seen) == len(set(seen))


TestResponding = Responding.TestCase
TestResponding.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
