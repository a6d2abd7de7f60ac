"""What a kind of process is: its records, its metrics, its options and how records fold into metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import repeat
from operator import add
from typing import Any, Literal

import msgspec

from aiwatch.kinds.options import KindOptions

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family that a kind emits. ``labels`` always begin with ``process``."""

    name: str
    type: Literal["counter", "histogram", "gauge"]
    help: str
    labels: tuple[str, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every record carries: when it happened and which event it is (empty: told by its place)."""

    time: datetime = msgspec.field(name="@timestamp")
    id: str = ""


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of line: how it is read, where its document goes and which of its fields are free text.

    ``ranges`` bounds numbers (after conversion to base units); ``choices`` lists the allowed values;
    ``dimensions`` says which units a field may be mapped from; ``properties`` is the Elasticsearch mapping.
    """

    name: str
    family: str
    struct: type[Record]
    text: tuple[str, ...]
    ranges: Mapping[str, tuple[float | None, float | None]]
    choices: Mapping[str, tuple[str, ...]]
    dimensions: Mapping[str, Literal["time", "duration", "ratio"]]
    properties: Mapping[str, Any]


class Histogram(msgspec.Struct):
    """Observations of one series: ``counts`` per bucket (the last one is +Inf, not cumulative) and their sum."""

    bounds: tuple[float, ...]
    counts: list[int]
    sum: float = 0.0
    exemplars: dict[int, tuple[str, float, float]] = {}  # bucket -> (trace id, value, epoch seconds)

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        """Return a histogram without observations.

        >>> Histogram.empty((0.5, 1.0)).counts
        [0, 0, 0]
        """
        return cls(bounds=bounds, counts=[0] * (len(bounds) + 1))

    def observe_all(self, values: Sequence[float]) -> list[int]:
        """Count all ``values``, and return the bucket of each.

        >>> h = Histogram.empty((0.5, 1.0)); h.observe_all([0.25, 0.5, 0.75]), h.counts, h.sum
        ([0, 0, 1], [2, 1, 0], 1.5)
        """
        buckets = list(map(bisect_left, repeat(self.bounds), values))
        for bucket, number in Counter(buckets).items():
            self.counts[bucket] += number
        self.sum += reduce(add, values, 0.0)  # `sum` rounds differently from one Python to the next
        return buckets

    def merge(self, other: Histogram) -> None:
        """Add the observations of ``other``, which has the same bounds."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum
        self.exemplars = {**self.exemplars, **other.exemplars}


@dataclass(slots=True)
class Delta:
    """What one batch adds to the metrics of one process; merged into the state once the batch is delivered."""

    counters: dict[tuple[str, Labels], float] = field(default_factory=dict)
    histograms: dict[tuple[str, Labels], Histogram] = field(default_factory=dict)
    maxima: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def count(self, metric: str, labels: Labels, amount: float = 1) -> None:
        """Add ``amount`` to a counter."""
        key = (metric, labels)
        self.counters[key] = self.counters.get(key, 0) + amount

    def histogram(self, metric: str, labels: Labels, bounds: tuple[float, ...]) -> Histogram:
        """Return the histogram of a series, made empty when it is not there yet."""
        key = (metric, labels)
        found = self.histograms.get(key)
        if found is None:
            found = self.histograms[key] = Histogram.empty(bounds)
        return found

    def maximum(self, metric: str, labels: Labels, value: float) -> None:
        """Raise a gauge to ``value`` when that is higher."""
        key = (metric, labels)
        self.maxima[key] = max(value, self.maxima.get(key, value))


class SessionBook:
    """Which sessions of a process are open, by event time: a session ends after 30 minutes without an event.

    >>> from datetime import UTC
    >>> def at(seconds): return datetime.fromtimestamp(seconds, UTC)
    >>> book = SessionBook({})
    >>> book.openings(["a", "b", "a"], [at(0), at(1), at(60)]), book.openings(["a"], [at(60 + 1801)])
    (2, 1)
    """

    GAP_SECONDS = 1800.0

    def __init__(self, last_seen: dict[str, float]) -> None:
        """Start from ``last_seen``: the epoch seconds of each session's newest event."""
        self.last_seen = last_seen
        self.touched: dict[str, float] = {}

    def openings(self, sessions: Sequence[str | None], times: Sequence[datetime]) -> int:
        """Note events of ``sessions`` at ``times``, in the order of the log; return how many begin a new session."""
        return sum(
            self._opens(session, time.timestamp())
            for session, time in zip(sessions, times, strict=True)
            if session is not None
        )

    def _opens(self, session: str, seconds: float) -> bool:
        last = self.touched.get(session)
        if last is None:
            last = self.last_seen.get(session)
        self.touched[session] = seconds if last is None else max(last, seconds)
        return last is None or seconds - last > self.GAP_SECONDS


def latency_bounds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return latency bucket bounds in seconds, with each SLO threshold among them.

    >>> 0.3 in latency_bounds([0.3])
    True
    """
    usual = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
    return tuple(sorted({*usual, *thresholds}))


RATIO_BOUNDS = tuple(round(step * 0.05, 2) for step in range(1, 21))


@dataclass(frozen=True, slots=True)
class Label:
    """A label's value: what a record has in ``field``; ``absent`` if it has nothing there, or no field is told."""

    field: str | None
    absent: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the records of one type add to the metrics, said once for everybody who does it (see `kinds.folding`).

    Attributes:
        counter: counts the records by ``labels``, behind process and (of traffic) model version.
        labels: further labels of ``counter``, at most three.
        traffic: whether a record is something that the process did: it has a model version, may have failed, and
            moves the time of the newest event.
        failure: field, and the value that tells of a failure; None: whatever is not empty.
        observed: histogram and the field that it observes.
        summed: counter, its last label's value, and the field that is added up.
        session: the field that names the session.
        features: what is checked of ``features``, by name.
    """

    counter: str
    labels: tuple[Label, ...]
    traffic: bool = True
    failure: tuple[str, str | None] | None = None
    observed: tuple[tuple[str, str], ...] = ()
    summed: tuple[tuple[str, str, str], ...] = ()
    session: str | None = None
    features: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of process.

    Attributes:
        name: as written in a process file.
        title: as a person reads it.
        options: the settings of a process file that only this kind has.
        records: the types of line; the first is the one that counts as traffic.
        metrics: every domain metric that the kind emits.
        volume: the counter whose increase is the traffic.
        bounds: options and SLO thresholds (seconds) -> bucket bounds per histogram.
        zeros: process name and options -> counter series known beforehand, so that they start at 0.
        recipes: options -> what the records of each type add to the metrics.
    """

    name: str
    title: str
    options: type[KindOptions]
    records: tuple[RecordType, ...]
    metrics: tuple[Metric, ...]
    volume: str
    bounds: Callable[[Any, Sequence[float]], Mapping[str, tuple[float, ...]]]
    zeros: Callable[[str, Any], Sequence[tuple[str, Labels]]]
    recipes: Callable[[Any], Mapping[str, Recipe]]

    def record(self, name: str) -> RecordType:
        """Return the record type called ``name``.

        Raises:
            KeyError: the kind has no such record.
        """
        return {record.name: record for record in self.records}[name]
