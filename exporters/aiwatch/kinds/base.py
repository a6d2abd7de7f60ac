"""What a kind of process is: its records, its metrics, its options and how records fold into metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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

    def observe(self, value: float, trace_id: str | None = None, time: float = 0.0) -> None:
        """Count ``value``; the newest traced one of a bucket is its exemplar (``time`` in epoch seconds).

        >>> h = Histogram.empty((0.5, 1.0)); h.observe(0.5); h.observe(0.7, "t1", 9.0); h.observe(2.0)
        >>> h.counts, h.sum, h.exemplars
        ([1, 1, 1], 3.2, {1: ('t1', 0.7, 9.0)})
        """
        bucket = bisect_left(self.bounds, value)
        self.counts[bucket] += 1
        self.sum += value
        if trace_id:
            self.exemplars[bucket] = (trace_id, value, time)

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

    >>> book = SessionBook({})
    >>> book.opens("a", 0.0), book.opens("a", 60.0), book.opens("a", 60.0 + 1801)
    (True, False, True)
    """

    GAP_SECONDS = 1800.0

    def __init__(self, last_seen: dict[str, float]) -> None:
        """Start from ``last_seen``: the epoch seconds of each session's newest event."""
        self.last_seen = last_seen
        self.touched: dict[str, float] = {}

    def opens(self, session: str, time: float) -> bool:
        """Note an event at ``time`` (epoch seconds) and return whether it begins a new session."""
        last = self.touched.get(session)
        if last is None:
            last = self.last_seen.get(session)
        self.touched[session] = time if last is None else max(last, time)
        return last is None or time - last > self.GAP_SECONDS


def latency_bounds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return latency bucket bounds in seconds, with each SLO threshold among them.

    >>> 0.3 in latency_bounds([0.3])
    True
    """
    usual = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
    return tuple(sorted({*usual, *thresholds}))


RATIO_BOUNDS = tuple(round(step * 0.05, 2) for step in range(1, 21))


@dataclass(slots=True)
class Folding:
    """What a fold works with: the process's name and options, its bucket bounds, its sessions, its delta."""

    process: str
    options: Any
    bounds: Mapping[str, tuple[float, ...]]
    sessions: SessionBook
    delta: Delta


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
        folds: per record type, adds a batch of records to a delta.
    """

    name: str
    title: str
    options: type[KindOptions]
    records: tuple[RecordType, ...]
    metrics: tuple[Metric, ...]
    volume: str
    bounds: Callable[[Any, Sequence[float]], Mapping[str, tuple[float, ...]]]
    zeros: Callable[[str, Any], Sequence[tuple[str, Labels]]]
    folds: Mapping[str, Callable[[Folding, Sequence[Any]], None]]

    def record(self, name: str) -> RecordType:
        """Return the record type called ``name``.

        Raises:
            KeyError: the kind has no such record.
        """
        return {record.name: record for record in self.records}[name]
