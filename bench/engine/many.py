"""A hundred thousand series, and changes to a share of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from aiwatch import names
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta, Labels, latency_bounds

LATENCY = latency_bounds([])
_LINES = len(LATENCY) + 3  # of one histogram


def counters(number: int) -> list[Labels]:
    """Return so many label sets of `ai_interactions_total`: processes of 400, with versions and intents."""
    return [(f"bot-{i // 400:03d}", str(i // 40 % 10), f"intent_{i % 40}", "answered") for i in range(number)]


def histograms(number: int) -> list[Labels]:
    """Return so many label sets of `ai_latency_seconds`."""
    return [(f"bot-{i // 40:03d}", str(i % 40)) for i in range(number)]


class ManySeries:
    """A state with ``lines`` series as Prometheus counts them (each bucket is one), two fifths of them counters."""

    def __init__(self, lines: int) -> None:
        """Fill the state."""
        self.counters = counters(lines * 2 // 5)
        self.histograms = histograms((lines - len(self.counters)) // _LINES)
        self.state = MetricState(all_metrics(), label_limit=10**9)
        self._chance = random.Random(1)
        self._apply(self.counters, self.histograms)
        self.state.mature(self.state.ripe(0.0)[0])

    @property
    def lines(self) -> int:
        """How many series Prometheus sees."""
        return len(self.counters) + len(self.histograms) * _LINES

    def change(self, share: float) -> None:
        """Change a share of the counters and of the histograms, which ones by chance."""
        chosen = (self._chance.sample(each, int(len(each) * share)) for each in (self.counters, self.histograms))
        self._apply(*chosen)

    def _apply(self, counters: list[Labels], histograms: list[Labels]) -> None:
        delta = Delta()
        for labels in counters:
            delta.count(names.INTERACTIONS_TOTAL, labels, self._chance.randrange(1, 1000))
        for labels in histograms:
            delta.histogram(names.LATENCY_SECONDS, labels, LATENCY).observe_all([self._chance.random()])
        self.state.publish(self.state.prepare([delta], 1.0))


def changes(labels: list[Labels], share: float) -> Iterator[Delta]:
    """Return without end what changes a share of some counters, which ones by chance."""
    chance = random.Random(2)
    while True:
        delta = Delta()
        for chosen in chance.sample(labels, int(len(labels) * share)):
            delta.count(names.INTERACTIONS_TOTAL, chosen)
        yield delta
