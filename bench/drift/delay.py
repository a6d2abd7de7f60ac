"""How long a change goes unnoticed, at 2,000 rows an hour, by us and by the statistics that the peers use.

The peers' statistics are computed from the same counts, with the threshold that gives them one false alarm in 90 days
on windows without a change: Kolmogorov-Smirnov and chi-squared p-values (alibi-detect), and each feature's
Wasserstein or Jensen-Shannon distance in units of what it varies by without a change (Evidently, NannyML).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiwatch.detect.tests import chi_squared, jensen_shannon, kolmogorov_smirnov
from aiwatch.profiles.profile import Numeric, Profile
from bench.drift.null import WINDOWS, monitor
from bench.drift.streams import Change, Stream, World

ROWS = 2000
BEFORE = 12  # hours without a change first
CASES = (
    (Change("mean", BEFORE, 0.2), 24),
    (Change("missing", BEFORE, 0.02), 24),
    (Change("category", BEFORE, 0.01), 24),
    (Change("scale", BEFORE, 1.5), 24),
    (Change("ramp", BEFORE, 0.05), 5 * 24),
)
Floats = NDArray[np.float64]


def ours(stream: Stream, hours: int) -> float:
    """Return how many hours after a change the window ends with which it is alarmed; infinite if it is not."""
    watch, state = monitor(stream), None
    for hour, window in enumerate(stream.hours(hours)):
        state, _ = watch.step(state, window)
        if state.alarms and hour >= BEFORE:
            return hour - BEFORE + 1
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

    def __init__(self, peer: Peer, world: World) -> None:
        self.peer = peer
        stream = Stream(world, 77, rows=ROWS)
        values = np.array([peer.statistic(stream, window) for window in stream.hours(int(WINDOWS))])
        self.center, self.spread = values.mean(axis=0), values.std(axis=0) + 1e-12
        self.threshold = float(((values - self.center) / self.spread).max())

    def delay(self, stream: Stream, hours: int) -> float:
        """See `ours`."""
        for hour, window in enumerate(stream.hours(hours)):
            value = (self.peer.statistic(stream, window) - self.center) / self.spread
            if value.max() > self.threshold and hour >= BEFORE:
                return hour - BEFORE + 1
        return float("inf")
