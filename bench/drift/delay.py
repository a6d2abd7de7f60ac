"""How long a change goes unnoticed, at 2,000 rows an hour, by us and by the statistics that the peers use.

The peers' statistics are computed from the same counts, with the threshold that gives them one false alarm in 90 days
on windows of the same streams without a change: Kolmogorov-Smirnov and chi-squared p-values (alibi-detect), and each
feature's Kolmogorov-Smirnov or Jensen-Shannon distance in units of what it varies by without one (Evidently, NannyML).
Changes come at all hours of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiwatch.detect.tests import chi_squared, jensen_shannon, kolmogorov_smirnov
from aiwatch.profiles.profile import Numeric, Profile
from bench.drift.null import WINDOWS, monitor
from bench.drift.streams import Change, Stream, World

ROWS = 2000
BEFORE = 24  # hours without a change first, at least
STEADY, SEASON = World(), World(season=0.2)
QUIET = 240  # windows without a change, of each stream, that the peers' thresholds are set by
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A change, for how many hours it is looked for, and in which world."""

    kind: str
    size: float
    hours: int = 24
    world: World = STEADY

    def stream(self, seed: int) -> Stream:
        """Return the stream of a seed, which also says at which hour of the day the change comes."""
        return Stream(self.world, seed, Change(self.kind, _at(seed), self.size), ROWS)


CASES = (
    Case("mean", 0.2),
    Case("missing", 0.02),
    Case("category", 0.01),
    Case("scale", 1.5),
    Case("ramp", 0.05, 5 * 24),
    Case("mean", 0.2, world=SEASON),
)


def _at(seed: int) -> int:
    return BEFORE + 7 * seed % 24


def ours(case: Case, seed: int) -> float:
    """Return how many hours after a change the window ends with which it is alarmed; infinite if it is not."""
    stream = case.stream(seed)
    watch, state = monitor(stream), None
    for hour, window in enumerate(stream.hours(_at(seed) + case.hours)):
        state, _ = watch.step(state, window)
        if state.alarms and hour >= _at(seed):
            return hour - _at(seed) + 1
    return float("inf")


@dataclass(frozen=True)
class Peer:
    """A statistic that grows with a change, for every feature."""

    name: str
    statistic: Callable[[Stream, Profile], Floats]


def _p_values(stream: Stream, window: Profile) -> Floats:
    found = []
    for name, feature in stream.baseline.features.items():
        test = kolmogorov_smirnov.TEST if isinstance(feature.shape, Numeric) else chi_squared.TEST
        found.append(-np.log(max(test.on_counts(feature, window.features[name]).p_value, 1e-300)))
    return np.array(found)


def _distances(stream: Stream, window: Profile) -> Floats:
    found = []
    for name, feature in stream.baseline.features.items():
        test = kolmogorov_smirnov.TEST if isinstance(feature.shape, Numeric) else jensen_shannon.TEST
        found.append(test.on_counts(feature, window.features[name]).statistic)
    return np.array(found)


PEERS = (Peer("p-values (alibi-detect)", _p_values), Peer("distances (NannyML, Evidently)", _distances))


class Calibrated:
    """A peer whose threshold makes one false alarm in 90 days of windows drawn without a change."""

    def __init__(self, peer: Peer, world: World, seeds: Sequence[int]) -> None:
        self.peer = peer
        self._usual: dict[int, tuple[Floats, Floats]] = {}
        highest: list[float] = []
        for seed in seeds:
            stream = Stream(world, seed, rows=ROWS)
            values = np.array([peer.statistic(stream, window) for window in stream.hours(QUIET)])
            center, spread = values.mean(axis=0), values.std(axis=0) + 1e-12
            self._usual[seed] = center, spread
            highest += ((values - center) / spread).max(axis=1).tolist()
        self._threshold = sorted(highest)[-max(1, round(len(highest) / WINDOWS))]

    def delay(self, case: Case, seed: int) -> float:
        """See `ours`."""
        center, spread = self._usual[seed]
        stream = case.stream(seed)
        for hour, window in enumerate(stream.hours(_at(seed) + case.hours)):
            value = (self.peer.statistic(stream, window) - center) / spread
            if value.max() > self._threshold and hour >= _at(seed):
                return hour - _at(seed) + 1
        return float("inf")
