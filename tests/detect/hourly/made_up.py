"""A process with one feature and a store in memory, so that every order of events can be tried in a moment."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from aiwatch.catalogue.model import Process, build_process
from aiwatch.detect.hourly.chain import Link
from aiwatch.detect.hourly.contracts import Past
from aiwatch.detect.hourly.store import StoredWindow
from aiwatch.profiles.baseline import FORMAT, Baseline, FeatureBaseline, Source
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import Counts, Numeric, Profile
from aiwatch.profiles.result import Claim, Finding, Result, result_id

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hour: float) -> datetime:
    return DAY + hour * HOUR


def baseline(rows: int = 100) -> Baseline:
    amount = FeatureBaseline(Numeric((1.0,)), Counts([rows, rows], low=0.0, high=2.0), (-64, 64))
    score = FeatureBaseline(Numeric((0.5,)), Counts([rows, rows], low=0.0, high=1.0), (-64, 64))
    source = Source(("training.csv",), "0" * 64, 2 * rows)
    return Baseline(FORMAT, "fraud", None, DAY - 30 * 24 * HOUR, source, {"amount": amount, "score": score})


def process(name: str = "fraud", held: Baseline | None = None, **more: object) -> Process:
    return build_process(
        {"name": name, "title": name, "kind": "classifier", "business_unit": "unit", "owner": "a@example.com", **more},
        held,
    )


def profile(hour: int, amounts: Sequence[float], held: Baseline, version: str = "1") -> Profile:
    fold = Fold(held)
    made = fold.empty(version, at(hour))
    for amount in amounts:
        fold.add(made, {"amount": amount}, 0.2)
    return made


class CountingJudge:
    """Remembers how many rows there were in all, and calls drift whatever has an amount above 1 in most rows.

    Its memory depends on every window before, in their order: a window that is left out or tested twice shows.
    """

    def __init__(self) -> None:
        self.judged: list[datetime] = []
        self.explained: list[tuple[list[datetime], list[str]]] = []
        self.fail_at: datetime | None = None

    def judge(
        self, memory: bytes, window: Profile, parts: Sequence[Profile], past: Past, upstream: Mapping[str, Result]
    ) -> tuple[bytes, Result]:
        if window.start == self.fail_at:
            raise RuntimeError("the judge fell ill")
        self.judged.append(window.start)
        rows: list[int] = msgspec.json.decode(memory) if memory else []
        high = window.features["amount"].bins[1] > window.rows / 2
        finding = Finding(
            feature="amount",
            test="sum",
            statistic=float(sum(rows)),
            p_value=0.5,
            effect=2.0 * high,
            material=1.0,
            evidence=2.0 * high,
            drifted=high,
            since=window.start if high else None,
        )
        result = Result(
            id=result_id("fraud", window.start),
            time=window.start,
            end=window.end,
            process=window.process,
            model_version=window.model_version,
            baseline=window.baseline,
            rows=window.rows,
            state="drift" if high else "ok",
            findings=(finding,),
        )
        if high:
            self.explained.append(([each.start for each in past(window.start)], sorted(upstream)))
            causes = (Claim("pipeline", "scale", 0.9, ("too high",), ("amount",)),)
            result = msgspec.structs.replace(result, causes=causes)
        return msgspec.json.encode([*rows, window.rows]), result


class MemoryStore:
    """What `DriftStore` does, in memory; ``writes`` counts, and ``die_after`` so many of them every call fails."""

    def __init__(self) -> None:
        self.parts: dict[tuple[datetime, str, str], Profile] = {}
        self.documents: dict[str, StoredWindow] = {}
        self.writes = 0
        self.die_after: int | None = None

    def arrive(self, part: str, made: Profile) -> None:
        self.parts[made.start, made.model_version, part] = made

    def seen(self, process: str, baseline: str, since: datetime | None) -> Mapping[datetime, int]:
        found: dict[datetime, int] = {}
        for (start, _, _), made in self.parts.items():
            if made.baseline == baseline and (since is None or start >= since):
                found[start] = found.get(start, 0) + made.rows
        return found

    def profiles(self, process: str, baseline: str, start: datetime, end: datetime) -> list[Profile]:
        merged: dict[tuple[datetime, str], Profile] = {}
        for (hour, version, _), made in sorted(self.parts.items(), key=lambda item: item[0]):
            if made.baseline == baseline and start <= hour < end:
                if (hour, version) in merged:
                    merged[hour, version].merge(made)
                else:
                    merged[hour, version] = copy.deepcopy(made)
        return list(merged.values())

    def _of(self, process: str) -> list[StoredWindow]:
        held = [each for each in self.documents.values() if each.result.process == process]
        return sorted(held, key=lambda each: each.link.start)

    def links(self, process: str, since: datetime) -> list[Link]:
        links = [each.link for each in self._of(process)]
        earlier = [link for link in links if link.start < since]
        return [*earlier[-1:], *(link for link in links if link.start >= since)]

    def tested(self, process: str, start: datetime) -> StoredWindow | None:
        return self.documents.get(result_id(process, start))

    def results(self, process: str, baseline: str, start: datetime, end: datetime) -> list[Result]:
        found = [each.result for each in self._of(process) if start <= each.link.start < end]
        return [result for result in found if result.baseline == baseline]

    def put(self, tested: StoredWindow) -> None:
        if self.die_after is not None and self.writes >= self.die_after:
            raise KeyboardInterrupt
        self.writes += 1
        self.documents[tested.result.id] = tested

    def remove_others(self, process: str, since: datetime, until: datetime, kept: Sequence[Link]) -> None:
        ids = {result_id(process, link.start) for link in kept}
        self.documents = {
            id_: each
            for id_, each in self.documents.items()
            if each.result.process != process or not since <= each.link.start < until or id_ in ids
        }
