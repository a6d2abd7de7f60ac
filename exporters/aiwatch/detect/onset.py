"""Since when a feature drifts, and since when things are otherwise that the verdict does not look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from statistics import fmean

import msgspec
import numpy as np

from aiwatch.detect.change import point
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import prediction_name
from aiwatch.profiles.profile import Profile
from aiwatch.profiles.result import Finding

_CLEAR = 4.0  # standard errors
_LEAST = 4  # windows


def onset(baseline: Baseline, windows: Sequence[Profile]) -> datetime | None:
    """Return the start of the first window after the clearest jump of any of these, None if there is none.

    Args:
        baseline: the training period.
        windows: one profile each, in the order of time.

    Reference: D. M. Hawkins, "Testing a sequence of observations for a shift in location", 1977.
    """
    best, place = _CLEAR, None
    for series, noise in _SERIES:
        values = [
            (number, value) for number, each in enumerate(windows) if (value := series(baseline, each)) is not None
        ]
        if len(values) < _LEAST:
            continue
        size, split = _jump([value for _, value in values], noise)
        if size > best:
            best, place = size, values[split][0]
    return None if place is None else windows[place].start


def with_onset(finding: Finding, starts: Sequence[datetime], history: Sequence[Sequence[Finding]]) -> Finding:
    """Return a finding with when its drift began, and whether that was a jump, if it drifted.

    Args:
        finding: of the last window.
        starts: of all windows, in the order of time.
        history: the findings of each of them.
    """
    if not finding.drifted:
        return finding
    past = [_same(finding, each) for each in history]
    first = len(past) - 1
    while first > 0 and (same := past[first - 1]) is not None and same.drifted:
        first -= 1
    if first == 0:
        return msgspec.structs.replace(finding, since=starts[0])
    effects = np.array([0.0 if each is None else max(each.effect, 0.0) for each in past])
    since, sudden = point(starts, effects, first)
    return msgspec.structs.replace(finding, since=since, sudden=sudden)


def _same(finding: Finding, others: Sequence[Finding]) -> Finding | None:
    key = (finding.feature, finding.test)
    return next((each for each in others if (each.feature, each.test) == key), None)


def _jump(values: Sequence[float], noise: float) -> tuple[float, int]:
    """Return how clear the clearest split of a series is, in standard errors, and the first place behind it.

    >>> _jump([0.0, 0.1, 0.0, 1.0, 1.1], 0.1)[1]
    3
    """
    number = len(values)
    series = np.asarray(values) - fmean(values)
    left = np.arange(1, number)
    right = number - left
    total = np.cumsum(series)[:-1]
    apart = total / left + total / right  # difference of the means, for all values together have mean 0
    between = apart**2 * left * right / number
    within = np.maximum(float(series @ series) - between, 0.0)
    spread = np.hypot(noise, np.sqrt(within / max(1, number - 2)))
    clear = np.abs(apart) / spread / np.sqrt(1 / left + 1 / right)
    split = number - 2 - int(np.argmax(clear[::-1]))  # the last of several that are as clear
    return float(clear[split]), split + 1


def _rows(_: Baseline, window: Profile) -> float | None:
    return math.log(window.rows) if window.rows else None


def _errors(_: Baseline, window: Profile) -> float | None:
    return math.sqrt(window.errors / window.rows) if window.rows else None


def _latency(_: Baseline, window: Profile) -> float | None:
    return (
        math.log(window.latency_total / sum(window.latency))
        if window.latency_total > 0 and any(window.latency)
        else None
    )


def _repeated(_: Baseline, window: Profile) -> float | None:
    rows = sum(window.repeats.values())
    return (rows - len(window.repeats)) / rows if rows else None


def _outcomes(baseline: Baseline, window: Profile) -> float | None:
    """Return by how much the mean outcome exceeds that of the same scores, in standard errors of thousand rows."""
    rows = due = is_ = 0.0
    labels: Mapping[int, tuple[int, float]] = baseline.labels
    for place, (known, total) in window.labels.items():
        were, was = labels.get(place, (0, 0.0))
        if were:
            rows, due, is_ = rows + known, due + known * was / were, is_ + total
    whole, total = sum(known for known, _ in labels.values()), sum(total for _, total in labels.values())
    mean = total / whole if whole else 0.0
    if rows < 30 or prediction_name(baseline) is None or not 0 < mean < 1:
        return None
    return (is_ - due) / rows / math.sqrt(mean * (1 - mean))


_SERIES: tuple[tuple[Callable[[Baseline, Profile], float | None], float], ...] = (
    (_errors, 0.03),
    (_latency, 0.15),
    (_repeated, 0.04),
    (_outcomes, 0.02),
    (_rows, 0.2),
)
"""What is looked at, and its noise from window to window at least."""
