"""Everything that a cause is looked for in: the baseline, the windows before and since the change, and what is known
besides."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from statistics import fmean, stdev

from aiwatch import names
from aiwatch.detect.onset import onset
from aiwatch.detect.rhythm import rhythm_of, usual_rows
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import prediction_name
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Finding, Result

MOST_WINDOWS = 72  # that are added up since the change
_WINDOWS = 6  # before the change, from which on their rows tell how many are usual
_VARY = 0.2  # of the logarithm of rows, at least
_VARY_IN_RHYTHM = 0.05  # ... where the hours of the week are known
SELDOM = 1e-6


@dataclass(frozen=True)
class Situation:
    """A change that wants explaining.

    Attributes:
        baseline: the training period.
        now: all windows since the change, added up.
        before: those before it, added up; None if there were none.
        findings: of the last window.
        versions: rows of each model version since the change, and those of each before it.
        windows: how many profiles ``now`` was added up of.
        repeats: how many different rows came more than once, among how many whose hashes were kept, window by window:
            since the change, before.
        since: when the change began, if known.
        upstream: the last result of each process that this one depends on.
        expected_rows: how many predictions the windows of ``now`` usually have, if known.
        rows_vary: standard deviation of the logarithm of that number between windows.
        chance: probability with which outcomes, or repeated rows, may seem to have changed by chance.
        seasonal: whether the verdict knows how features usually move with the hours, which the baseline as a whole
            does not: what it does not call drift is as it should be then, however different from the baseline.
    """

    baseline: Baseline
    now: Profile
    before: Profile | None = None
    findings: tuple[Finding, ...] = ()
    versions: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {})
    windows: int = 1
    repeats: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    since: datetime | None = None
    upstream: Mapping[str, Result] = field(default_factory=dict)
    expected_rows: float | None = None
    rows_vary: float = _VARY
    chance: float = SELDOM
    seasonal: bool = False

    @cached_property
    def prediction(self) -> str | None:
        """The name of the model's output among the features."""
        return prediction_name(self.baseline)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The features without the model's output."""
        return tuple(name for name in self.baseline.features if name != self.prediction)

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """The inputs that may have changed."""
        return tuple(name for name in self.inputs if name in self.drifted) if self.seasonal else self.inputs

    @cached_property
    def drifted(self) -> frozenset[str]:
        """What drifted by the verdict."""
        return frozenset(finding.feature for finding in self.findings if finding.drifted)

    def tests(self, feature: str) -> int:
        """Return among how many chances the feature was picked: 1 if the verdict named it."""
        return 1 if feature in self.drifted else max(1, 2 * len(self.baseline.features))


def situation_of(
    baseline: Baseline,
    windows: Sequence[Profile],
    findings: Iterable[Finding],
    *,
    upstream: Mapping[str, Result] | None = None,
    usual: Profile | None = None,
    repeats: tuple[tuple[int, int], tuple[int, int]] | None = None,
    clocked: bool = True,
    chance: float = SELDOM,
    seasonal: bool = False,
) -> Situation:
    """Return the situation after the last of some windows.

    Args:
        baseline: the training period.
        windows: profiles in the order of time; one for each model version of a window. Not changed.
        findings: of the last window.
        upstream: the last result of each process that this one depends on.
        usual: what stands for the windows before the change where there are none, such as a reference file.
        repeats: different rows that came more than once, and different rows, in the last window and usually; where it
            is known exactly.
        clocked: whether windows are times; else how many rows they have says nothing.
        chance: see `Situation`.
        seasonal: see `Situation`.

    Raises:
        ValueError: there is no window.
    """
    if not windows:
        raise ValueError("without a window there is nothing to explain")
    found = tuple(findings)
    drifted = [each.since for each in found if each.drifted and each.since is not None]
    last = windows[-1].start
    if not drifted:
        drifted = [onset(baseline, by_time(windows)) or last]
    since, begun = min(max(drifted), last), min(drifted)
    now = [profile for profile in windows if profile.start >= since][-MOST_WINDOWS:]
    before = [profile for profile in windows if profile.end <= begun][-MOST_WINDOWS:]
    if not before and usual is not None:
        before = [usual]
    expected_rows, rows_vary = _expected_rows(baseline, by_time(now), by_time(before)) if clocked else (None, _VARY)
    return Situation(
        baseline=baseline,
        now=added(now),
        before=added(before) if before else None,
        findings=found,
        versions=(_versions(now), _versions(before)),
        windows=len(now),
        repeats=repeats or (_repeats(now), _repeats(before)),
        since=begun,
        upstream=upstream or {},
        expected_rows=expected_rows,
        rows_vary=rows_vary,
        chance=chance,
        seasonal=seasonal,
    )


def added(profiles: Sequence[Profile]) -> Profile:
    """Return one profile of all of them, which stay as they are; a single one is its own sum."""
    if len(profiles) == 1:
        return profiles[0]
    whole = copy.deepcopy(profiles[0])
    for profile in profiles[1:]:
        whole.merge(profile)
    return whole


def by_time(profiles: Sequence[Profile]) -> list[Profile]:
    """Return one profile for each window, of all model versions together.

    Args:
        profiles: in the order of time.
    """
    return [added(list(same)) for _, same in groupby(profiles, key=lambda profile: profile.start)]


def _expected_rows(baseline: Baseline, now: Sequence[Profile], before: Sequence[Profile]) -> tuple[float | None, float]:
    """Return how many rows windows usually have, if it is known, and how the logarithm of one's rows varies.

    The hours of the week are as in the training period, where that knows them; the level is that of the windows before.
    """
    rhythm = rhythm_of(baseline)
    usually = [usual_rows(rhythm, each.start, each.end) for each in (*before, *now)]
    known = all(usually)
    due = usually if known else [1.0] * len(usually)
    logs = [math.log(max(each.rows, 1) / rows) for each, rows in zip(before, due, strict=False)]
    if len(logs) < _WINDOWS:
        return None, _VARY
    expected = math.exp(fmean(logs)) * sum(due[len(before) :])
    return expected, max(_VARY_IN_RHYTHM if known else _VARY, stdev(logs))


def _repeats(profiles: Sequence[Profile]) -> tuple[int, int]:
    kept = [rows for each in profiles for rows in each.repeats.values()]
    return sum(rows > 1 for rows in kept), len(kept)


def _versions(profiles: Iterable[Profile]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for profile in profiles:
        if profile.model_version != names.UNKNOWN:
            rows[profile.model_version] = rows.get(profile.model_version, 0) + profile.rows
    return rows
