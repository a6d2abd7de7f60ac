"""All processes, again and again: those that others depend on first, and none held up by another one's failure."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from elastic_transport import TransportError
from elasticsearch import ApiError

from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.detect.hourly.contracts import Judge
from aiwatch.detect.hourly.process_watch import ProcessWatch
from aiwatch.detect.hourly.self_metrics import SelfMetrics
from aiwatch.detect.hourly.shown import DriftCollector, Shown
from aiwatch.detect.hourly.store import DriftStore
from aiwatch.detect.rhythm import rhythm_of, usual_rows
from aiwatch.detect.trend import forecast
from aiwatch.kinds.base import RATIO_BOUNDS
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.kinds.regressor import RegressorOptions
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.result import Finding, Result

PAUSE_SECONDS = 30.0  # between two looks for windows that are closed now
_HISTORY = timedelta(days=14)  # that forecasts are made from
_LOG = logging.getLogger("aiwatch.drift")

MakeJudge = Callable[[Process, Baseline], Judge]


class Watched:
    """A process with a baseline: its windows, and how far every feature was from drifting in the last two weeks."""

    def __init__(self, process: Process, judge: Judge, store: DriftStore) -> None:
        """Do nothing before `look`."""
        assert isinstance(process.options, PredictionOptions)
        assert process.baseline is not None
        length = timedelta(seconds=process.options.drift.window)
        self.watch = ProcessWatch(process, process.baseline, length, judge, store)
        self._rhythm = rhythm_of(process.baseline)
        self._store = store
        self._history: list[Result] | None = None

    @property
    def result(self) -> Result | None:
        """What was found in the newest window."""
        return self.watch.last.result if self.watch.last else None

    def rows(self) -> tuple[int, float]:
        """Return how many rows the newest window has, and how many it usually has; 0 where that is not known."""
        if self.watch.last is None:
            return 0, 0.0
        window = self.watch.last.link
        return window.rows, usual_rows(self._rhythm, window.start, window.end)

    def look(self, now: datetime, upstream: Mapping[str, Result]) -> None:
        """Test what there is to test."""
        self.watch.catch_up(now, upstream)
        if self.result and not (self._history and self._history[-1] is self.result):
            found, since = self.result, self.result.end - _HISTORY
            self._history = [*self._store.results(found.process, found.baseline, since, found.time), found]

    def expected(self) -> dict[str, float]:
        """Return for every feature that moves steadily in how many seconds it will surely have drifted."""
        paths: dict[tuple[str, str], list[Finding]] = {}
        times: dict[tuple[str, str], list[datetime]] = {}
        for result in self._history or ():
            for finding in result.findings:
                key = (finding.feature, finding.test)
                paths.setdefault(key, []).append(finding)
                times.setdefault(key, []).append(result.end)
        found: dict[str, float] = {}
        for key, findings in paths.items():
            ahead = forecast(times[key], [each.effect for each in findings], findings[-1].material)
            if ahead is not None and ahead.latest is not None:
                seconds = ahead.latest.total_seconds()
                found[key[0]] = min(seconds, found.get(key[0], seconds))
        return found


class Service:
    """Tests the processes of a catalogue, and shows what was found once it is stored."""

    def __init__(self, store: DriftStore, make_judge: MakeJudge, only: str | None = None) -> None:
        """Know no process before `follow`, and then the one called ``only``, or all."""
        self.collector = DriftCollector()
        self.metrics = SelfMetrics(self.collector)
        self._store = store
        self._make_judge = make_judge
        self._only = only
        self._watched: dict[str, Watched] = {}
        self._not_shown: set[str] = set()  # as they are now; what was shown of them stays until they were looked at
        self._models: Sequence[Process] = ()

    def follow(self, catalogue: Catalogue) -> None:
        """Test the models of a catalogue from now on; those that are as before go on as they are."""
        before = {process.name: process for process in self._models}
        models = [each for each in catalogue.processes if isinstance(each.options, PredictionOptions)]
        self._models = in_order([each for each in models if self._only in (None, each.name)])
        kept: dict[str, Watched] = {}
        for process in self._models:
            self.metrics.known(process.name)
            if process.baseline is None:
                continue
            if process.name in self._watched and before[process.name] == process:
                kept[process.name] = self._watched[process.name]
            else:
                kept[process.name] = Watched(process, self._make_judge(process, process.baseline), self._store)
        renewed = {name for name, watched in kept.items() if watched is not self._watched.get(name)}
        self._not_shown = renewed | (self._not_shown & kept.keys())
        self._watched = kept
        names = {process.name for process in self._models}
        self.collector.shown = {name: shown for name, shown in self.collector.shown.items() if name in names}
        for process in self._models:
            if process.baseline is None:
                self._show(process)

    def restart(self, since: datetime) -> None:
        """Test all windows again that ended after ``since``."""
        for watched in self._watched.values():
            watched.watch.restart(since)

    def look(self, now: datetime) -> list[str]:
        """Test and show what is closed by ``now``; return the processes that failed."""
        failed = []
        for process in self._models:
            watched = self._watched.get(process.name)
            if watched is None:
                continue
            began, before = time.monotonic(), watched.watch.tested
            try:
                watched.look(now, self._results_of(process.file.upstream))
                if watched.watch.tested > before or process.name in self._not_shown:
                    self._show(process)
                    self._not_shown.discard(process.name)
                self.metrics.up.set(1)
            except Exception as error:  # whatever is wrong with one process, the others go on
                failed.append(process.name)
                self._not_shown.add(process.name)  # what was stored before it failed
                self._failed(process.name, error)
            if tested := watched.watch.tested - before:
                self.metrics.tested(process.name, tested, time.monotonic() - began)
        return failed

    def run(
        self, stop: threading.Event, clock: Callable[[], datetime], changed: Callable[[], Catalogue | None]
    ) -> None:
        """Look again and again until ``stop`` is set; ``changed`` returns the catalogue when it is another one."""
        while not stop.is_set():
            self.look(clock())
            stop.wait(PAUSE_SECONDS)
            if catalogue := changed():
                self.follow(catalogue)

    def _results_of(self, names: Sequence[str]) -> dict[str, Result]:
        found = {name: self._watched[name].result for name in names if name in self._watched}
        return {name: result for name, result in found.items() if result is not None}

    def _show(self, process: Process) -> None:
        options, watched = process.options, self._watched.get(process.name)
        assert isinstance(options, PredictionOptions)
        bounds = options.value_bounds if isinstance(options, RegressorOptions) else RATIO_BOUNDS
        rows, usual = watched.rows() if watched else (0, 0.0)
        self.collector.shown[process.name] = Shown(
            process.name,
            options.drift,
            process.baseline,
            bounds,
            watched.result if watched else None,
            rows,
            usual,
            watched.expected() if watched else {},
        )

    def _failed(self, process: str, error: Exception) -> None:
        self.metrics.failed(process)
        if isinstance(error, ApiError | TransportError):
            self.metrics.up.set(0)
            _LOG.error("%s waits for Elasticsearch: %s", process, error)
        else:
            _LOG.exception("%s cannot be tested", process)


def in_order(processes: Sequence[Process]) -> list[Process]:
    """Return processes so that each comes after those that it depends on; in a circle, by name."""
    left = {process.name: process for process in processes}
    ordered: list[Process] = []
    while left:
        free = [name for name, process in left.items() if not set(process.file.upstream) & (set(left) - {name})]
        for name in free or [min(left)]:
            ordered.append(left.pop(name))
    return ordered
