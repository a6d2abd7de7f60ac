"""Responses with everything around them in memory, for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiwatch.profiles.result import Result
from aiwatch.respond.adapters.contract import AdapterError, Case
from aiwatch.respond.journal import Journal
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.payload import Alert
from aiwatch.respond.policy import Policy
from aiwatch.respond.responses import Responses
from aiwatch.respond.store import StoreError
from aiwatch.respond.trail import Entry, Trail
from aiwatch.respond.windows import WindowResult

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PROCESS = "card-fraud"


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def drift_alert(since: datetime = START, **changes: object) -> Alert:
    fields: dict[str, object] = {
        "status": "firing",
        "labels": {"alertname": "ModelDrift", "process": PROCESS, "severity": "critical"},
        "annotations": {},
        "starts_at": since,
        "ends_at": None,
        "fingerprint": "f",
        **changes,
    }
    return Alert(**fields)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Switch:
    """An adapter whose system is one switch; it fails as long as it is told to."""

    on: bool = False
    broken: bool = False
    only_pauses: bool = False
    calls: list[str] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)

    def look(self) -> Mapping[str, str]:
        self._call("look")
        return {"on": str(self.on)}

    def pause(self, case: Case, memo: Mapping[str, str]) -> str:
        self.cases.append(case)
        self._call("pause")
        self.on = True
        return "switched on"

    def resume(self, case: Case, memo: Mapping[str, str]) -> str:
        self.cases.append(case)
        self._call("resume")
        self.on = memo["on"] == "True"
        return "as it was"

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.broken:
            raise AdapterError(f"{name}: out of order")


@dataclass
class Results:
    """The results of tested windows: a list, which may be unreadable."""

    results: list[WindowResult] = field(default_factory=list)
    broken: bool = False

    def find(self, process: str, around: datetime) -> Sequence[WindowResult]:
        if self.broken:
            raise StoreError("aiwatch-drift: cannot be read")
        return self.results


@dataclass
class Reports:
    """Results by their ids; they cannot be read when there are none at all."""

    results: dict[str, Result] | None = field(default_factory=dict)

    def find(self, report: str) -> Result | None:
        if self.results is None:
            raise StoreError("aiwatch-drift: cannot be read")
        return self.results.get(report)


@dataclass
class LostAnswers:
    """A trail that keeps an entry, but whose answer does not arrive, as often as it is told."""

    trail: Trail
    lost: int = 0

    def read(self, after: Mapping[str, int]) -> Sequence[Entry]:
        return self.trail.read(after)

    def create(self, entry: Entry) -> bool:
        kept = self.trail.create(entry)
        if self.lost:
            self.lost -= 1
            raise StoreError("timed out")
        return kept


@dataclass
class Rig:
    """Responses, and what they work with."""

    adapters: dict[str, Switch] = field(default_factory=lambda: {"switch": Switch()})
    pauses: bool = True
    clock: Clock = field(default_factory=Clock)
    results: Results = field(default_factory=Results)
    trail: Trail = field(default_factory=MemoryTrail)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything but the trail and the world outside."""
        policy = Policy("Card fraud", self.pauses, self.adapters, f"http://inbox/models/{PROCESS}")
        self.responses = Responses(Journal(self.trail), {PROCESS: policy}, self.results, self.clock)

    def work(self, **after: float) -> None:
        self.clock.move(**after)
        self.responses.work()

    @property
    def events(self) -> list[str]:
        """The trail in words."""
        entries = self.responses.journal.entries(PROCESS)
        return [
            " ".join(
                str(part)
                for part in (type(entry).__name__.lower(), getattr(entry, "step", ""), getattr(entry, "action", ""))
                if part
            )
            for entry in entries
        ]
