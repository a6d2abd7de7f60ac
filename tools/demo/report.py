"""What the demo says at its end, read back from Prometheus and from Elasticsearch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from elasticsearch import Elasticsearch

from aiwatch import names
from tools.demo.stack import CHATBOT, FRAUD, PARTNER

ALERT = "ChatConfidenceLow"
DRIFT = "ModelDrift"
CAUSES = {FRAUD: "pipeline", PARTNER: "population"}
"""Why each of the fraud scores drifts: a feed broke, and buyers moved to shops online."""

_LONG = "31d"  # the demo's past and a little more


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus to ask."""

    url: str

    def value(self, query: str) -> float | None:
        """Return the value of a query with one result, None when it has none."""
        rows = self.rows(query)
        return float(rows[0]["value"][1]) if rows else None

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["data"]["result"]
        return rows

    def total(self, metric: str, process: str, by: str = "") -> str:
        """Return the query for all that a counter ever counted: the past, which stands still, and the present."""
        last = f'max_over_time({metric}{{process="{process}"}}[{_LONG}])'
        return f"sum by ({by}) ({last})" if by else f"sum({last})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what, and what each of the two stores says."""

    title: str
    prometheus: str
    elasticsearch: str


def counts(prometheus: Prometheus, es: Elasticsearch) -> dict[str, tuple[int, int]]:
    """Return how many events of each type the two stores hold: (Prometheus, Elasticsearch)."""
    found = {}
    for record, processes, metric, index in (
        ("interaction", [CHATBOT], names.INTERACTIONS_TOTAL, "aiwatch-interactions-*"),
        ("feedback", [CHATBOT], names.FEEDBACK_TOTAL, "aiwatch-feedback-*"),
        ("prediction", [FRAUD, PARTNER], names.PREDICTIONS_TOTAL, "aiwatch-predictions-*"),
    ):
        counted = sum(prometheus.value(prometheus.total(metric, process)) or 0 for process in processes)
        es.indices.refresh(index=index)
        held = es.count(index=index, query={"terms": {"process": processes}})["count"]
        found[record] = (round(counted), held)
    return found


def table(prometheus: Prometheus, es: Elasticsearch) -> list[Row]:
    """Return the table that the demo ends with."""
    rows = [
        Row(f"{record}s" if record != "feedback" else record, f"{p:,}", f"{e:,}")
        for record, (p, e) in counts(prometheus, es).items()
    ]
    return [*rows, _confidence(prometheus, es), _satisfaction(prometheus, es), *_intents(prometheus, es)]


def _confidence(prometheus: Prometheus, es: Elasticsearch) -> Row:
    total = prometheus.value(prometheus.total(f"{names.CONFIDENCE_RATIO}_sum", CHATBOT))
    number = prometheus.value(prometheus.total(f"{names.CONFIDENCE_RATIO}_count", CHATBOT))
    held = _aggregate(es, "interactions", {"average": {"avg": {"field": "confidence"}}})["average"]["value"]
    return Row("average confidence", _ratio(total, number), f"{held:.1%}" if held is not None else "-")


def _satisfaction(prometheus: Prometheus, es: Elasticsearch) -> Row:
    rows = prometheus.rows(prometheus.total(names.FEEDBACK_TOTAL, CHATBOT, "rating"))
    counted = {row["metric"]["rating"]: float(row["value"][1]) for row in rows}
    buckets = _aggregate(es, "feedback", {"ratings": {"terms": {"field": "rating"}}})["ratings"]["buckets"]
    held = {bucket["key"]: float(bucket["doc_count"]) for bucket in buckets}
    shown = (_ratio(found.get("up", 0.0), sum(found.values())) for found in (counted, held))
    return Row("satisfaction (thumbs up)", *shown)


def _intents(prometheus: Prometheus, es: Elasticsearch) -> list[Row]:
    rows = prometheus.rows(f"topk(5, {prometheus.total(names.INTERACTIONS_TOTAL, CHATBOT, 'intent')})")
    counted = {row["metric"].get("intent", ""): float(row["value"][1]) for row in rows}
    buckets = _aggregate(es, "interactions", {"intents": {"terms": {"field": "intent", "size": 100}}})["intents"]
    held = {bucket["key"]: bucket["doc_count"] for bucket in buckets["buckets"]}
    return [
        Row(f"intent {intent}", f"{number:,.0f}", f"{held.get(intent, 0):,}")
        for intent, number in sorted(counted.items(), key=lambda pair: -pair[1])
    ]


def _aggregate(es: Elasticsearch, family: str, aggregations: dict[str, Any]) -> dict[str, Any]:
    answer = es.search(
        index=f"aiwatch-{family}-*", size=0, query={"term": {"process": CHATBOT}}, aggregations=aggregations
    )
    found: dict[str, Any] = answer["aggregations"]
    return found


def _ratio(part: float | None, whole: float | None) -> str:
    return f"{part / whole:.1%}" if part is not None and whole else "-"


def as_text(rows: list[Row]) -> str:
    """Return the table for a terminal.

    >>> print(as_text([Row("interactions", "1,234", "1,234")]))
                       Prometheus  Elasticsearch
      interactions          1,234          1,234
    """
    width = max(len(row.title) for row in rows)
    lines = [f"  {'':{width}}  {'Prometheus':>13}  {'Elasticsearch':>13}"]
    lines += [f"  {row.title:{width}}  {row.prometheus:>13}  {row.elasticsearch:>13}" for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def delivered(inbox: str, process: str = CHATBOT, alert: str = ALERT) -> dict[str, Any] | None:
    """Return the notification of an alert from the responder's inbox, None while it is not there."""
    answer = requests.get(f"{inbox}/api/v1/inbox", params={"process": process, "status": "firing"}, timeout=10)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["entries"]
    return next((entry for entry in found if entry["alertname"] == alert), None)


def drifted(inbox: str, process: str) -> dict[str, Any] | None:
    """Return the notification that a fraud score drifts by the cause that it has, None while it is not there."""
    found = delivered(inbox, process, DRIFT)
    named = found is not None and f"Likely cause: {CAUSES[process]}." in found["annotations"]["description"]
    return found if named else None
