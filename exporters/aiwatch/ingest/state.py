"""The metrics' values: exactly what the checkpoint holds, so that a restart neither loses nor repeats."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from aiwatch import names
from aiwatch.kinds.base import Delta, Histogram, Labels, Metric

Key = tuple[str, Labels]

_BOUNDED_LABELS = {names.MODEL_VERSION, names.INTENT, names.DECISION, names.FEATURE}


class Series(msgspec.Struct, gc=False):
    """One series: its value, and when it began (epoch seconds).

    Without ``gc``, as nothing in it can refer back to it: the collector need not look at a hundred thousand.
    """

    value: Any
    born: float


class MetricState:
    """All series by metric and label values.

    A batch is first `prepared` (new values beside the old ones), then written to the checkpoint, and only then
    `published`; whatever fails in between leaves the state as it was. Each label of a process has at most
    ``label_limit`` values; what comes later counts as ``other``.

    A series is young, and shown as 0, until it is old enough to have been scraped. Up to which birth series were shown
    with their values is committed before they are (see `ripe`), so that a restart neither skips the 0 nor goes back to
    it.
    """

    def __init__(
        self, metrics: Iterable[Metric], label_limit: int = 100, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start empty, for series of ``metrics``; ``clock`` tells their age, whatever happens to the time of day."""
        self.metrics: dict[str, Metric] = {metric.name: metric for metric in metrics}
        self.series: dict[Key, Series] = {}
        self.lock = threading.Lock()
        self.changed: dict[Key, None] = {}  # since the last exposition; a dict keeps the order
        self.young: dict[Key, float] = {}  # since when by the clock, oldest first
        self._newest = 0.0  # of the births so far
        self._clock = clock
        self._label_limit = label_limit
        self._values: dict[tuple[str, str], set[str]] = {}  # (process, label) -> values in use

    def restore(
        self, held: Iterable[tuple[Key, Series]], processes: Collection[str], shown_until: float, now: float
    ) -> None:
        """Take over what the checkpoint held of ``processes``; series of metrics that exist no more are left out.

        Those born after ``shown_until`` were not yet shown with their value: they are born again ``now``.
        """
        self._newest = shown_until
        again, since = self._birth(now), self._clock()
        for (name, labels), series in held:
            metric = self.metrics.get(name)
            if metric is None or len(labels) != len(metric.labels) or labels[0] not in processes:
                continue
            self._note_values(name, labels)
            self.changed[name, labels] = None
            if series.born <= shown_until:
                self.series[name, labels] = series
            else:
                self.series[name, labels] = Series(series.value, again)
                self.young[name, labels] = since
                self._newest = again

    def prepare(self, deltas: Iterable[Delta], now: float) -> dict[Key, Series]:
        """Return the new values of the series that ``deltas`` change; new ones are born ``now``."""
        prepared: dict[Key, Series] = {}
        born = self._birth(now)
        current = self.series.get
        for delta in deltas:
            others = bool(prepared)
            for key, amount in delta.counters.items():
                held = current(key)
                if held is None or (others and key in prepared):
                    self._next(prepared, key, born, 0.0).value += amount
                else:  # the usual case, without a call
                    prepared[key] = Series(held.value + amount, held.born)
            for key, value in delta.maxima.items():
                series = self._next(prepared, key, born, value)
                series.value = max(series.value, value)
            for key, histogram in delta.histograms.items():
                series = self._next(prepared, key, born, None)
                if series.value is None or series.value.bounds != histogram.bounds:
                    series.value = Histogram.empty(histogram.bounds)
                    series.born = born  # with other bounds than before it begins anew
                series.value.merge(histogram)
        return prepared

    def publish(self, prepared: Mapping[Key, Series]) -> None:
        """Make prepared values the current ones, visible to the next exposition."""
        since = self._clock()
        newborn = [key for key, series in prepared.items() if series.born > self._newest]
        with self.lock:
            for key in newborn:
                self._note_values(*key)
                self.young[key] = since
                self._newest = max(self._newest, prepared[key].born)
            self.series.update(prepared)
            self.changed.update(dict.fromkeys(prepared))

    def ripe(self, age: float) -> tuple[list[Key], float]:
        """Return the young series that are at least ``age`` seconds old, and the latest time of their births.

        Commit that time, then let them `mature`.
        """
        before = self._clock() - age
        keys = list(itertools.takewhile(lambda key: self.young[key] <= before, self.young))
        return keys, max((self.series[key].born for key in keys), default=0.0)

    def mature(self, keys: Iterable[Key]) -> None:
        """Show the values of these series from now on."""
        with self.lock:
            for key in keys:
                self.young.pop(key, None)
                self.changed[key] = None

    def _note_values(self, name: str, labels: Labels) -> None:
        """Remember the label values of a series that is new."""
        for label, value in zip(self.metrics[name].labels, labels, strict=True):
            if label in _BOUNDED_LABELS:
                self._values.setdefault((labels[0], label), set()).add(value)

    def reserve(self, process: str, label: str, values: Iterable[str]) -> None:
        """Keep places for label values that the catalogue names."""
        self._values.setdefault((process, label), set()).update(values)

    def _birth(self, now: float) -> float:
        """Return ``now`` or, if the time of day was set back, what comes after the last birth.

        Which series were shown with their values is told by their births, so these never go back.
        """
        return now if now > self._newest else math.nextafter(self._newest, math.inf)

    def _next(self, prepared: dict[Key, Series], key: Key, born: float, empty: Any) -> Series:
        """Return the series to add to: a copy of the current one, made once per batch."""
        found = prepared.get(key)
        if found is not None:
            return found
        current = self.series.get(key)
        if current is None and (bounded := self._bounded(*key)) != key[1]:
            return self._next(prepared, (key[0], bounded), born, empty)
        value = empty if current is None else current.value
        if isinstance(value, Histogram):
            value = Histogram(value.bounds, list(value.counts), value.sum, value.exemplars)
        found = prepared[key] = Series(value, born if current is None else current.born)
        return found

    def _bounded(self, name: str, labels: Labels) -> Labels:
        bounded = list(labels)
        for place, label in enumerate(self.metrics[name].labels):
            if label not in _BOUNDED_LABELS:
                continue
            used = self._values.setdefault((labels[0], label), set())
            value = labels[place]
            if value in used or value in ("", names.OTHER, names.UNKNOWN):
                continue
            if len(used) < self._label_limit:
                used.add(value)
            else:
                bounded[place] = names.OTHER
        return tuple(bounded)
