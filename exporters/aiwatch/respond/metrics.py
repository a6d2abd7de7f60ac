"""What the responder tells Prometheus about itself."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge

from aiwatch.names import BUILD_INFO, NOTIFICATION_ERRORS_TOTAL, NOTIFICATIONS_TOTAL, OTHER, REASON, UNKNOWN
from aiwatch.respond.payload import Notification

SEVERITIES = ("critical", "warning", "info", "none")
STATUSES = ("firing", "resolved")

UNAUTHORIZED = "unauthorized"
TOO_LARGE = "too_large"
MALFORMED = "malformed"
STORE = "store"
TRUNCATED = "truncated"
REASONS = (UNAUTHORIZED, TOO_LARGE, MALFORMED, STORE, TRUNCATED)


class Metrics:
    """The responder's metrics, in a registry of their own; every series is there from the start, at 0."""

    def __init__(self) -> None:
        """Create the metrics."""
        self.registry = CollectorRegistry()
        self._received = Counter(
            NOTIFICATIONS_TOTAL,
            "Notifications about alerts that were received and stored, repetitions included.",
            ("status", "severity"),
            registry=self.registry,
        )
        self._errors = Counter(
            NOTIFICATION_ERRORS_TOTAL,
            "Deliveries that were not stored (unauthorized, too_large, malformed, store), "
            "and alerts that Alertmanager left out of one (truncated).",
            (REASON,),
            registry=self.registry,
        )
        for status in STATUSES:
            for severity in (*SEVERITIES, OTHER, UNKNOWN):
                self._received.labels(status, severity)
        for reason in REASONS:
            self._errors.labels(reason)
        build = Gauge(BUILD_INFO, "The version that runs; always 1.", ("version",), registry=self.registry)
        build.labels(version("aiwatch")).set(1)

    def received(self, notification: Notification) -> None:
        """Count the alerts of a notification that was stored."""
        for alert in notification.alerts:
            severity = alert.labels.get("severity", UNKNOWN)
            self._received.labels(alert.status, severity if severity in (*SEVERITIES, UNKNOWN) else OTHER).inc()
        self._errors.labels(TRUNCATED).inc(max(0, notification.truncated_alerts))

    def failed(self, reason: str) -> None:
        """Count a delivery that was not stored, by one of REASONS."""
        self._errors.labels(reason).inc()
