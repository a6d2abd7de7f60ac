"""The verdict over time: one window after the other, with a false-alarm promise for all of them together."""

from __future__ import annotations

import copy
import math
from datetime import datetime

import msgspec
import numpy as np

from aiwatch import names
from aiwatch.detect import change, evidence
from aiwatch.detect.aspects import Criteria, describe
from aiwatch.detect.channels import Channels
from aiwatch.detect.contracts import DriftTest, Floats, Outcome
from aiwatch.detect.expected import expected
from aiwatch.detect.rhythm import Rhythm, Usual, rhythm_of
from aiwatch.detect.tests import SHARES, relations
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Counts, Profile
from aiwatch.profiles.result import Finding, Result, State, result_id

ENOUGH = 2000  # rows from which on a window's effect stands for itself
LEARNING = 72  # windows without a known rhythm in which "ok" would say too much
RECOVERY = 3  # calm windows after which a feature no longer drifts
YOUNG = 24  # windows after an alarm in which it becomes clear how the change began
IMMATERIAL_RELATION = 0.03


class Alarm(msgspec.Struct, frozen=True):
    """A test that found drift: since when, whether at once, for how many windows, and how many calm ones of late."""

    since: datetime
    sudden: bool
    windows: int = 0
    calm: int = 0


class MonitorState(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor knows after a window; it is all that it needs for the next.

    ``log_evidence`` and ``began`` (the window in which a bet's run began) hold one number for each bet, ``effects``
    those of each test in each of the last ``change.KEPT`` windows alone; all as bytes of float32 or int32.
    """

    baseline: str
    through: datetime
    windows: int = 0
    log_evidence: bytes = b""
    began: bytes = b""
    effects: bytes = b""
    starts: tuple[datetime, ...] = ()
    recent: dict[str, Counts] = {}
    recent_since: datetime | None = None
    pending: Profile | None = None
    alarms: dict[str, Alarm] = {}
    drifting: tuple[Finding, ...] = ()


class Monitor:
    """Tests windows of one process against its baseline.

    A feature drifts when the evidence that it changed by more than what is immaterial and usual reaches the threshold,
    and the effect, in the measure of its test, is material. The average time to a false alarm, over all features, is
    at least ``windows_per_false_alarm`` windows (see `aiwatch.detect.evidence`).
    """

    def __init__(
        self,
        baseline: Baseline,
        criteria: Criteria,
        windows_per_false_alarm: float,
        rhythm: Rhythm | None = None,
    ) -> None:
        """Prepare for a baseline.

        Args:
            baseline: what windows are compared with.
            criteria: how features are judged.
            windows_per_false_alarm: how many windows come, on average, until the first false alarm.
            rhythm: the usual movement, if the baseline does not have it.
        """
        self.baseline = baseline
        self.fingerprint = baseline.fingerprint
        self.criteria = criteria
        self.channels = Channels(baseline, criteria)
        self.usual = Usual(rhythm or rhythm_of(baseline), self.channels)
        self._related = relations.correlations(baseline.source.rows, baseline.sums, baseline.products)
        self._thresholds = math.log(windows_per_false_alarm) - np.log(self._weights())

    def _weights(self) -> Floats:
        """Return the share of every family, and of the relations, in the average of all evidence."""
        families = self.channels.families
        number: dict[str, int] = {}
        for family in families:
            number[family.feature] = number.get(family.feature, 0) + 1
        weights = [_weight(family.test, number[family.feature]) for family in families]
        return np.array([*weights, 1.0]) / (len(number) + 1)

    def step(self, state: MonitorState | None, profile: Profile) -> tuple[MonitorState, Result]:
        """Return what is known after one more window, and what the window shows. Nothing is changed in place.

        To test a window again, step from the state before it once more.

        Raises:
            ValueError: the profile was counted for another baseline, or its window is not after the last one.
        """
        if profile.baseline != self.fingerprint:
            raise ValueError(f"{profile.process}: the profile was counted for another baseline than this one")
        if state is None or state.baseline != self.fingerprint:
            state = MonitorState(baseline=self.fingerprint, through=profile.start)
        if profile.start < state.through:
            raise ValueError(f"{profile.process}: the window of {profile.start} is not after {state.through}")
        whole = profile
        if state.pending is not None:
            whole = _copy(state.pending)
            whole.merge(profile)
        if whole.rows < self.criteria.min_rows:
            later = msgspec.structs.replace(state, pending=_copy(whole), through=profile.end)
            kept: State = "drift" if state.drifting else "not_enough_data"
            return later, self._result(profile, whole, kept, state.drifting)
        return self._test(state, profile, whole)

    def _test(self, state: MonitorState, profile: Profile, whole: Profile) -> tuple[MonitorState, Result]:
        channels = self.channels
        means, rows = channels.read(whole)
        season = self.usual.offset(whole.start, whole.end)
        bets = evidence.log_bets(channels, self.usual, means, rows, season)
        outcomes, alone, recent, since = self._outcomes(state, whole, season)
        related, log_e = self._relations(whole)
        outcomes.append(related)
        alone.append(related.effect)

        log_now = np.append(bets.ravel(), log_e)
        before = _unpacked(state.log_evidence, np.float32, len(log_now), -np.inf)
        began = np.where(before <= 0, state.windows, _unpacked(state.began, np.int32, len(log_now), 0))
        after = evidence.accumulate(before, log_now)
        families = np.append(evidence.by_family(after[:-1].reshape(bets.shape), channels), after[-1])
        ratios = np.maximum(families, 0.0) / self._thresholds

        starts = (*state.starts, whole.start)[-change.KEPT :]
        paths = _unpacked(state.effects, np.float32, len(outcomes) * change.KEPT, 0.0).reshape(-1, change.KEPT)
        paths = np.hstack([paths[:, 1:], [[effect] for effect in alone]])

        alarms: dict[str, Alarm] = {}
        findings = []
        for place, outcome in enumerate(outcomes):
            bounds, feature, test, material = self._described(place)
            key = f"{feature} {test}"
            window = _of(bets, bounds) if bounds else np.array([log_e])
            calm = outcome.effect < material or float(window.max(initial=0.0)) <= 0
            alarm = state.alarms.get(key)
            if alarm is None and ratios[place] >= 1 and outcome.effect >= material:
                alarm = Alarm(whole.start, True)
            elif alarm is not None:
                alarm = Alarm(alarm.since, alarm.sudden, alarm.windows + 1, alarm.calm + 1 if calm else 0)
                if alarm.calm >= RECOVERY:
                    alarm = None
                    _forget(after, bets.shape, bounds)
            if alarm is not None:
                if alarm.windows <= YOUNG:
                    run = _strongest(after, began, bets.shape, bounds)
                    path = paths[place, -len(starts) :]
                    since, sudden = change.point(starts, path, len(starts) - 1 - (state.windows - run))
                    alarm = msgspec.structs.replace(alarm, since=since, sudden=sudden)
                alarms[key] = alarm
            findings.append(self._finding(place, outcome, float(ratios[place]), alarm, whole))

        drifting = tuple(finding for finding in findings if finding.drifted)
        now: State = "drift" if drifting else "ok"
        if not drifting and not self.usual.learned and state.windows < LEARNING:
            now = "learning"
        later = MonitorState(
            baseline=self.fingerprint,
            through=profile.end,
            windows=state.windows + 1,
            log_evidence=after.astype(np.float32).tobytes(),
            began=began.astype(np.int32).tobytes(),
            effects=paths.astype(np.float32).tobytes(),
            starts=starts,
            recent=recent,
            recent_since=since,
            alarms=alarms,
            drifting=drifting,
        )
        return later, self._result(profile, whole, now, tuple(findings))

    def _outcomes(
        self, state: MonitorState, whole: Profile, season: tuple[Floats, Floats]
    ) -> tuple[list[Outcome], list[float], dict[str, Counts], datetime]:
        """Return what every test says of a window, the effects in it alone, the counts to go on with, and since when.

        The effect in a small window says little: that of an outcome is taken over enough rows, with those before it.
        """
        since, pooled = whole.start, whole.features
        if whole.rows < ENOUGH and state.recent:
            since = state.recent_since or since
            pooled = {name: copy.copy(counts) for name, counts in state.recent.items()}
            for name, counts in whole.features.items():
                pooled[name].merge(counts)
        usual = before = expected(self.baseline, self.channels, *season)
        if pooled is not whole.features:
            before = expected(self.baseline, self.channels, *self.usual.offset(since, whole.end))
        outcomes: list[Outcome] = []
        alone: list[float] = []
        for family in self.channels.families:
            name, counts = family.feature, whole.features[family.feature]
            if family.test in SHARES and not _any(counts) and not _any(self.baseline.features[name].counts):
                outcomes.append(Outcome(0.0, 1.0, 0.0))
                alone.append(0.0)
                continue
            outcome = family.test.on_counts(usual[name], counts)
            alone.append(outcome.effect)
            if pooled is not whole.features:
                effect = family.test.on_counts(before[name], pooled[name]).effect
                outcome = Outcome(outcome.statistic, outcome.p_value, effect)
            outcomes.append(outcome)
        if whole.rows >= ENOUGH:
            return outcomes, alone, {}, whole.end
        if next(iter(pooled.values())).rows >= ENOUGH:
            since, pooled = whole.start, whole.features
        return outcomes, alone, {name: copy.copy(counts) for name, counts in pooled.items()}, since

    def _relations(self, whole: Profile) -> tuple[Outcome, float]:
        """Return what the test of the relations says, and the logarithm of the e-value that this is worth."""
        if len(whole.sums) < 2:
            return Outcome(0.0, 1.0, 0.0), 0.0
        now = relations.correlations(whole.rows, whole.sums, whole.products)
        reference = self.baseline.source.rows
        outcome = relations.compare(self._related, reference, now, whole.rows)
        usual = IMMATERIAL_RELATION + evidence.WANDER * self.usual.relation
        beyond = relations.compare(self._related, reference, now, whole.rows, usual)
        return outcome, evidence.log_e_of_p(beyond.p_value)

    def _described(self, place: int) -> tuple[slice | None, str, str, float]:
        """Return channels, feature, test and least material effect of a family; without channels: the relations."""
        if place == len(self.channels.families):
            return None, names.RELATIONS, relations.NAME, self.criteria.material_relation
        family = self.channels.families[place]
        return (
            slice(family.first, family.last),
            family.feature,
            family.test.name,
            self.criteria.material(family.test),
        )

    def _finding(self, place: int, outcome: Outcome, ratio: float, alarm: Alarm | None, whole: Profile) -> Finding:
        _, feature, test, material = self._described(place)
        how = ""
        if alarm is not None and place < len(self.channels.families):
            family = self.channels.families[place]
            how = describe(family.test, self.baseline.features[feature], whole.features[feature])
        return Finding(
            feature=feature,
            test=test,
            statistic=outcome.statistic,
            p_value=outcome.p_value,
            effect=outcome.effect,
            material=material,
            evidence=ratio,
            drifted=alarm is not None,
            since=alarm.since if alarm else None,
            sudden=alarm.sudden if alarm else None,
            how=how,
        )

    def _result(self, profile: Profile, whole: Profile, state: State, findings: tuple[Finding, ...]) -> Result:
        return Result(
            id=result_id(profile.process, profile.start),
            time=profile.start,
            end=profile.end,
            process=profile.process,
            model_version=profile.model_version,
            baseline=self.fingerprint,
            rows=whole.rows,
            state=state,
            findings=findings,
        )


def _copy(profile: Profile) -> Profile:
    """Return a profile that can be merged with another one without changing this one."""
    features = {name: copy.copy(counts) for name, counts in profile.features.items()}
    segments = copy.deepcopy(profile.segments)
    return msgspec.structs.replace(profile, features=features, labels=dict(profile.labels), segments=segments)


def _weight(test: DriftTest, number: int) -> float:
    """Return the share of a test in the evidence of its feature, which has so many tests: half for the values."""
    if number == 1:
        return 1.0
    return 0.5 / (number - 1) if test in SHARES else 0.5


def _any(counts: Counts) -> bool:
    return bool(counts.missing or counts.invalid or counts.unseen)


def _unpacked(data: bytes, kind: type[np.float32] | type[np.int32], number: int, default: float) -> Floats:
    """Return the array that bytes hold; one of ``default`` where they hold nothing, or something else."""
    found = np.frombuffer(data, dtype=kind)
    return found.astype(np.float64) if len(found) == number else np.full(number, default, dtype=np.float64)


def _of(bets: Floats, channels: slice) -> Floats:
    return np.asarray(bets[:, :, channels])


def _strongest(after: Floats, began: Floats, shape: tuple[int, ...], channels: slice | None) -> int:
    """Return the window in which the bet began that has most evidence."""
    if channels is None:
        return int(began[-1])
    logs, runs = (each[:-1].reshape(shape)[:, :, channels] for each in (after, began))
    return int(runs.flat[int(logs.argmax())])


def _forget(after: Floats, shape: tuple[int, ...], channels: slice | None) -> None:
    """Take all evidence of a family away, in place."""
    if channels is None:
        after[-1] = -np.inf
    else:
        after[:-1].reshape(shape)[:, :, channels] = -np.inf
