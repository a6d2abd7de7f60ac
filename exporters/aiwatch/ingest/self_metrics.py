"""The exporter's metrics about itself: what a restart may forget, held by Prometheus's client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from aiwatch import names
from aiwatch.kinds.base import Metric

DURABLE = (
    Metric(names.LINES_READ_TOTAL, "counter", "Lines read from the logs of a process.", (names.PROCESS,)),
    Metric(names.RECORDS_TOTAL, "counter", "Records stored and counted.", (names.PROCESS, names.RECORD)),
    Metric(
        names.RECORDS_REJECTED_TOTAL,
        "counter",
        "Lines that went to the dead letters.",
        (names.PROCESS, names.REASON),
    ),
    Metric(
        names.RECORDS_DUPLICATE_TOTAL,
        "counter",
        "Lines that repeated an event which was already stored.",
        (names.PROCESS,),
    ),
)
"""Self metrics that are committed with the batches, like the domain metrics."""


class SelfMetrics:
    """Gauges and counters of the running exporter; ``registry`` holds them."""

    def __init__(self) -> None:
        """Register everything on a registry of its own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Info(names.BUILD_INFO.removesuffix("_info"), "The running aiwatch.", registry=self.registry).info(
            {"version": version("aiwatch")}
        )
        self.up = Gauge(names.UP, "1 while documents are delivered, 0 while they wait.", registry=self.registry)
        self.up.set(1)
        self.retries = Counter(
            names.SINK_RETRIES_TOTAL,
            "Deliveries that had to be repeated.",
            [names.REASON],
            registry=self.registry,
        )
        self.last_commit = Gauge(
            names.LAST_COMMIT_TIMESTAMP_SECONDS, "Time of the last commit.", registry=self.registry
        )
        self.process_info = Gauge(
            names.PROCESS_INFO,
            "A process of the catalogue.",
            [names.PROCESS, "title", "kind", "business_unit", "owner", "tier"],
            registry=self.registry,
        )
        self._lags: dict[str, tuple[int, float | None]] = {}
        self.registry.register(self)

    def retrying(self, reason: str) -> None:
        """Note that a delivery has to be repeated; ``reason`` is one of a short fixed list."""
        self.up.set(0)
        self.retries.labels(reason).inc()

    def delivered(self, now: float) -> None:
        """Note that a batch was committed ``now`` (epoch seconds)."""
        self.last_commit.set(now)
        self.up.set(1)

    def observe_lag(self, process: str, unread: int, since: float | None) -> None:
        """Note how many bytes of a process wait, and since when (epoch seconds; None: nothing waits)."""
        self._lags[process] = unread, since

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the lags as they are now."""
        unread = GaugeMetricFamily(
            names.LAG_BYTES, "Bytes of log that are written but not yet delivered.", labels=[names.PROCESS]
        )
        waiting = GaugeMetricFamily(
            names.LAG_SECONDS,
            "For how long the oldest line that is not yet delivered has been waiting.",
            labels=[names.PROCESS],
        )
        now = time.time()
        for process, (size, since) in sorted(self._lags.copy().items()):
            unread.add_metric([process], size)
            waiting.add_metric([process], 0.0 if since is None else max(0.0, now - since))
        yield unread
        yield waiting
