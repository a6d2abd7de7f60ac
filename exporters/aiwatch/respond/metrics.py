"""What the responder tells Prometheus about itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aiwatch.names import (
    BUILD_INFO,
    MODEL_UNDER_REVIEW,
    NOTIFICATION_ERRORS_TOTAL,
    NOTIFICATIONS_TOTAL,
    OTHER,
    OUTCOME,
    PROCESS,
    REASON,
    RESPONSE_PENDING_SECONDS,
    RESPONSE_STEPS_TOTAL,
    RETRAINING_PAUSED,
    STEP,
    UNKNOWN,
)
from aiwatch.respond.payload import Notification
from aiwatch.respond.responses import Responses
from aiwatch.respond.review import OUTCOMES, waiting

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

    def __init__(self, responses: Responses) -> None:
        """Create the metrics."""
        self.registry = CollectorRegistry()
        self.registry.register(_States(responses))
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


class _States(Collector):
    """The states of the models, as their trails add up to them: counters go on where they were after a restart.

    A process has no series before its trail was read.
    """

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily, CounterMetricFamily, GaugeMetricFamily]:
        """Return the metrics without their series, which are not known yet."""
        return (
            GaugeMetricFamily(MODEL_UNDER_REVIEW, "1 while the model is under review, else 0.", labels=(PROCESS,)),
            GaugeMetricFamily(RETRAINING_PAUSED, "1 while retraining is paused, else 0.", labels=(PROCESS,)),
            CounterMetricFamily(
                RESPONSE_STEPS_TOTAL,
                "Attempts at the steps of a response and of undoing it; a failed one is repeated, a dropped one not.",
                labels=(PROCESS, STEP, OUTCOME),
            ),
            GaugeMetricFamily(
                RESPONSE_PENDING_SECONDS,
                "For how long a step of a response, or its undoing, has been asked for and is not done; else 0.",
                labels=(PROCESS, STEP),
            ),
        )

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with the series of the present."""
        under_review, paused, steps, pending = self.describe()
        now = self._responses.now()
        for process, review in sorted(self._responses.journal.reviews.items()):
            under_review.add_metric((process,), review.open)
            paused.add_metric((process,), review.paused)
            policy = self._responses.policies.get(process)
            names = {*(policy.steps if policy else ()), *review.steps, *(step for step, _ in review.outcomes)}
            for step in sorted(names):
                pending.add_metric((process, step), waiting(review, step, now).total_seconds())
                for outcome in OUTCOMES:
                    steps.add_metric((process, step, outcome), review.outcomes.get((step, outcome), 0))
        yield from (under_review, paused, steps, pending)
