"""The drift service's metrics about itself."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, PlatformCollector, ProcessCollector

from aiwatch import names
from aiwatch.detect.hourly.shown import DriftCollector


class SelfMetrics:
    """What the service did, and all that it shows; ``registry`` holds everything."""

    def __init__(self, shown: DriftCollector) -> None:
        """Register everything on a registry of its own."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(shown)
        Info(names.BUILD_INFO.removesuffix("_info"), "The running aiwatch.", registry=self.registry).info(
            {"version": version("aiwatch")}
        )
        self.up = Gauge(names.UP, "1 while Elasticsearch answers, else 0.", registry=self.registry)
        self._windows = Counter(
            names.DRIFT_WINDOWS_TOTAL,
            "Windows that were tested, repetitions included.",
            [names.PROCESS],
            registry=self.registry,
        )
        self._failures = Counter(
            names.DRIFT_FAILURES_TOTAL,
            "Times that a process could not be tested.",
            [names.PROCESS],
            registry=self.registry,
        )
        self._duration = Gauge(
            names.DRIFT_DURATION_SECONDS,
            "How long the last test of a process took.",
            [names.PROCESS],
            registry=self.registry,
        )

    def known(self, process: str) -> None:
        """Let the counters of a process begin at 0."""
        self._windows.labels(process)
        self._failures.labels(process)

    def tested(self, process: str, windows: int, seconds: float) -> None:
        """Note that ``windows`` of a process, at least one, were tested."""
        self._windows.labels(process).inc(windows)
        self._duration.labels(process).set(seconds)

    def failed(self, process: str) -> None:
        """Note that a process could not be tested."""
        self._failures.labels(process).inc()
