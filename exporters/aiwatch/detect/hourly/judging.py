"""Who judges and explains a process's windows: the monitor, the causes and the report, put together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from aiwatch.catalogue.model import Process
from aiwatch.detect.aspects import Criteria
from aiwatch.detect.beyond import SHARE, chance_of, finding_of, grave
from aiwatch.detect.explain import explain
from aiwatch.detect.hourly.contracts import Past
from aiwatch.detect.monitor import RECOVERY, Monitor, MonitorState
from aiwatch.detect.report import explained
from aiwatch.detect.rhythm import rhythm_of
from aiwatch.detect.situation import Situation, situation_of
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Finding, Result

_LOG = logging.getLogger("aiwatch.drift")


class _Memory(MonitorState, frozen=True, kw_only=True):
    """What a monitor knows, what is ``claimed`` besides, and for how many windows it was not seen any more."""

    claimed: Finding | None = None
    calm: int = 0


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

    def judge(
        self, memory: bytes, window: Profile, parts: Sequence[Profile], past: Past, upstream: Mapping[str, Result]
    ) -> tuple[bytes, Result]:
        """Return what to remember after a window, and what was found, with causes, text and report."""
        held = msgspec.msgpack.decode(memory, type=_Memory) if memory else None
        state, result = self._monitor.step(held, window)
        claimed, calm = (held.claimed, held.calm) if held is not None else (None, 0)
        if result.state == "drift":
            claimed = None  # features drift by themselves, and what else is odd is among their causes
        elif result.state != "not_enough_data":
            found = self._claim(result, parts, past, upstream)
            calm = 0 if found else calm + 1
            if found and claimed and claimed.feature == found.feature:
                found = msgspec.structs.replace(found, since=claimed.since)
            claimed = found or (claimed if calm < RECOVERY else None)
        if claimed is not None:
            result = msgspec.structs.replace(result, state="drift", findings=(*result.findings, claimed))
        if result.state == "drift":
            begun = min((each.since for each in result.findings if each.since is not None), default=result.time)
            result = self._explained(result, past(begun), upstream)
        fields = msgspec.structs.asdict(state)
        return msgspec.msgpack.encode(_Memory(**{**fields, "claimed": claimed, "calm": calm})), result

    def _claim(
        self, result: Result, parts: Sequence[Profile], past: Past, upstream: Mapping[str, Result]
    ) -> Finding | None:
        """Return as a finding what is grave about a window though no feature drifts, seen with those before it."""
        if not parts or not grave(explain(self._situation(result, parts, {}))):
            return None
        claims = grave(explain(self._situation(result, past(result.time), upstream)))
        return finding_of(claims[0], result.time, self._chance) if claims else None

    def _explained(self, result: Result, windows: Sequence[Profile], upstream: Mapping[str, Result]) -> Result:
        if not windows:
            return result
        return explained(result, self._baseline, windows, upstream=upstream, chance=self._chance, seasonal=True)

    def _situation(self, result: Result, windows: Sequence[Profile], upstream: Mapping[str, Result]) -> Situation:
        return situation_of(
            self._baseline, windows, result.findings, upstream=upstream, chance=self._chance, seasonal=True
        )
