"""What one would write first: `json.loads` and `prometheus_client`, record by record, with the engine's metrics."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from aiwatch import names
from aiwatch.catalogue.model import build_process
from aiwatch.ingest.export import all_metrics
from bench.engine.data import process_settings

_GAP_SECONDS = 1800.0


class Plain:
    """Counts the lines of one process's log, one by one; no documents, no checks."""

    def __init__(self, process: str) -> None:
        """Register the metrics of the kind of ``process``, with the same labels and buckets."""
        found = build_process(process_settings(process))
        self._name = process
        self._features = found.options.features if hasattr(found.options, "features") else {}
        self._registry = CollectorRegistry()
        bounds = found.kind.bounds(found.options, found.latency_thresholds)
        kinds: dict[str, Any] = {"counter": Counter, "gauge": Gauge}
        wanted = {metric.name for metric in found.kind.metrics} | {names.LINES_READ_TOTAL, names.RECORDS_TOTAL}
        self._metrics: dict[str, Any] = {}
        for metric in all_metrics():
            arguments = (metric.name, metric.help, metric.labels)
            if metric.name not in wanted:
                continue
            if metric.type == "histogram":
                made: Any = Histogram(*arguments, registry=self._registry, buckets=bounds[metric.name])
            else:
                made = kinds[metric.type](*arguments, registry=self._registry)
            self._metrics[metric.name] = made
        self._newest = 0.0
        self._sessions: dict[str, float] = {}

    def take(self, blocks: list[bytes]) -> None:
        """Count the lines of a batch."""
        metrics = self._metrics
        lines, records = metrics[names.LINES_READ_TOTAL], metrics[names.RECORDS_TOTAL]
        counts = {"interaction": self._interaction, "feedback": self._feedback, "prediction": self._prediction}
        for line in (line for data in blocks for line in data.splitlines()):
            record = json.loads(line)
            lines.labels(self._name).inc()
            records.labels(self._name, record["type"]).inc()
            counts[record["type"]](record)

    def _interaction(self, record: dict[str, Any]) -> None:
        metrics, process = self._metrics, self._name
        version = record.get("model_version", "unknown")
        outcome = record.get("outcome", "answered")
        time = self._seen(record)
        intent = record.get("intent", "unknown")
        metrics[names.INTERACTIONS_TOTAL].labels(process, version, intent, outcome).inc()
        metrics[names.ERRORS_TOTAL].labels(process, version).inc(1 if outcome == "error" else 0)
        if (confidence := record.get("confidence")) is not None:
            metrics[names.CONFIDENCE_RATIO].labels(process, version).observe(confidence)
        if (latency := record.get("latency")) is not None:
            metrics[names.LATENCY_SECONDS].labels(process, version).observe(latency)
        for direction in ("input", "output"):
            if (tokens := record.get(f"{direction}_tokens")) is not None:
                metrics[names.TOKENS_TOTAL].labels(process, version, direction).inc(tokens)
        if (cost := record.get("cost")) is not None:
            metrics[names.COST_TOTAL].labels(process, version, "USD").inc(cost)
        if (session := record.get("session")) is not None:
            last = self._sessions.get(session)
            self._sessions[session] = time if last is None else max(last, time)
            if last is None or time - last > _GAP_SECONDS:
                metrics[names.SESSIONS_TOTAL].labels(process).inc()

    def _feedback(self, record: dict[str, Any]) -> None:
        self._metrics[names.FEEDBACK_TOTAL].labels(self._name, record["rating"]).inc()

    def _prediction(self, record: dict[str, Any]) -> None:
        metrics, process = self._metrics, self._name
        version = record.get("model_version", "unknown")
        self._seen(record)
        metrics[names.PREDICTIONS_TOTAL].labels(process, version, record.get("decision", "unknown")).inc()
        metrics[names.ERRORS_TOTAL].labels(process, version).inc(1 if record.get("error") else 0)
        if (score := record.get("score")) is not None:
            metrics[names.SCORE_RATIO].labels(process, version).observe(score)
        if (latency := record.get("latency")) is not None:
            metrics[names.LATENCY_SECONDS].labels(process, version).observe(latency)
        features = record["features"]
        for name, feature in self._features.items():
            value = features.get(name)
            if value is None:
                metrics[names.FEATURES_MISSING_TOTAL].labels(process, name).inc()
            elif feature.type == "numeric":
                if not isinstance(value, int | float) or (feature.min is not None and value < feature.min):
                    metrics[names.FEATURES_INVALID_TOTAL].labels(process, name).inc()
            elif feature.values and str(value) not in feature.values:
                metrics[names.FEATURES_INVALID_TOTAL].labels(process, name).inc()

    def _seen(self, record: dict[str, Any]) -> float:
        time = datetime.fromisoformat(record["@timestamp"]).timestamp()
        self._newest = max(self._newest, time)
        self._metrics[names.LAST_EVENT_TIMESTAMP_SECONDS].labels(self._name).set(self._newest)
        return time

    def shown(self) -> str:
        """Return the metrics as text."""
        return generate_latest(self._registry).decode()
