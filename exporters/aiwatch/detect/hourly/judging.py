"""Who judges and explains a process's windows: the monitor, the causes and the report, put together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from aiwatch.catalogue.model import Process
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.beyond import SHARE, chance_of, finding_of, grave
from aiwatch.detect.explain import explain
from aiwatch.detect.monitor import Monitor, MonitorState
from aiwatch.detect.report import explained
from aiwatch.detect.rhythm import rhythm_of
from aiwatch.detect.situation import Situation, situation_of
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Result

_LOG = logging.getLogger("aiwatch.drift")


class ProcessJudge:
    """Judges the windows of one process as its file says."""

    def __init__(self, process: Process, baseline: Baseline) -> None:
        """Prepare for a process."""
        options = process.options
        assert isinstance(options, PredictionOptions)
        drift = options.drift
        promise = drift.false_alarms
        criteria = Criteria(
            drift.min_rows, drift.tests, {str(name): least for name, least in drift.minimum_effect.items()}
        )
        self._baseline = baseline
        windows = promise.period / promise.count / drift.window
        self._chance = chance_of(windows)
        rhythm = rhythm_of(baseline)
        if rhythm is not None and rhythm.timezone != drift.timezone:
            what = "%s: its baseline knows the hours of %s, not those of %s: make it anew with `aiwatch baseline`"
            _LOG.warning(what, process.name, rhythm.timezone, drift.timezone)
        self._monitor = Monitor(baseline, criteria, windows / (1 - SHARE))

    def judge(self, memory: bytes, window: Profile) -> tuple[bytes, Result]:
        """Return what to remember after a window, and what was found."""
        state = msgspec.msgpack.decode(memory, type=MonitorState) if memory else None
        state, result = self._monitor.step(state, window)
        return msgspec.msgpack.encode(state), result

    def wants_explaining(self, result: Result, window: Sequence[Profile]) -> bool:
        """Tell whether something is to be explained: what drifted, or what the verdict does not look at."""
        if result.state in ("drift", "not_enough_data"):
            return result.state == "drift"
        return bool(grave(explain(self._situation(result, window, {}))))

    def explain(self, result: Result, windows: Sequence[Profile], upstream: Mapping[str, Result]) -> Result:
        """Return the result with causes, text and report."""
        if result.state != "drift" and (claims := grave(explain(self._situation(result, windows, upstream)))):
            findings = (*result.findings, finding_of(claims[0], result.time, self._chance))
            result = msgspec.structs.replace(result, state="drift", findings=findings)
        return explained(result, self._baseline, windows, upstream=upstream, chance=self._chance, seasonal=True)

    def _situation(self, result: Result, windows: Sequence[Profile], upstream: Mapping[str, Result]) -> Situation:
        return situation_of(
            self._baseline, windows, result.findings, upstream=upstream, chance=self._chance, seasonal=True
        )
