"""Every query of every generated dashboard, put to the real servers of the demo as Grafana would: none is empty."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
import requests

from aiwatch.kinds.options import format_duration, parse_duration
from tests.contracts.dashboard_queries import DocumentQuery, MetricQuery, document_queries, metric_queries
from tests.contracts.prometheus_answers import has_number, instant, over, unanswered
from tools.demo.stack import Stack

DAY = "24h"
# Live data is first seen about a minute after the start, and rules are evaluated every two minutes at most, some of
# them upon others.
PATIENCE_SECONDS = 270.0

# What is empty in the demo, and why that is right.
SOMETIMES: Mapping[str, str] = {
    "aiwatch-card-fraud: Drift expected in (A)": "a forecast is there only while a feature moves steadily",
    "aiwatch-partner-fraud: Drift expected in (A)": "likewise; the feature that does has drifted already",
}
"""What may be there or not, by nature; its panel says that none is good."""


@pytest.fixture(scope="module")
def pages(demo: Stack) -> list[dict[str, Any]]:
    folder = demo.folders.site / "grafana" / "generated" / "dashboards"
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    assert len(found) >= 3
    return found


@pytest.fixture(scope="module")
def past(demo: Stack) -> str:
    """The length of the demo's past, as Prometheus writes durations."""
    start, end = (datetime.fromisoformat(demo.past[when]) for when in ("start", "end"))
    return format_duration((end - start).total_seconds())


def every_metric_query(pages: list[dict[str, Any]], period: str) -> dict[str, MetricQuery]:
    return {query.where: query for page in pages for query in metric_queries(page, period)}


def every_document_query(pages: list[dict[str, Any]], period: str) -> dict[str, DocumentQuery]:
    end = round(time.time() * 1000)
    start = end - round(parse_duration(period) * 1000)
    return {query.where: query for page in pages for query in document_queries(page, start, end)}


def metric_answered(demo: Stack, query: MetricQuery, period: str) -> bool:
    url = demo.prometheus.url
    if query.instant:
        return has_number(instant(url, query.expr))
    seconds = parse_duration(period)
    return has_number(over(url, query.expr, seconds, max(query.step, seconds / 1000)))


def document_answered(demo: Stack, query: DocumentQuery) -> bool:
    key = (demo.folders.secrets / "grafana-api-key").read_text()
    answer = requests.post(
        f"{demo.elasticsearch.url}/{query.index}/_search",
        json=query.body,
        headers={"Authorization": f"ApiKey {key}"},
        timeout=60,
    )
    assert answer.status_code == 200, f"{query.where}: {answer.text}"
    found = answer.json()
    assert found["_shards"]["failed"] == 0, f"{query.where}: {answer.text}"
    return innermost_buckets(found.get("aggregations")) if "aggs" in query.body else bool(found["hits"]["hits"])


def innermost_buckets(aggregations: Mapping[str, Any] | None) -> bool:
    """Tell whether some bucket of the innermost aggregation holds documents."""
    for aggregation in (aggregations or {}).values():
        for bucket in aggregation["buckets"]:
            inner = {name: value for name, value in bucket.items() if isinstance(value, dict) and "buckets" in value}
            if bucket["doc_count"] and (not inner or innermost_buckets(inner)):
                return True
    return False


def test_every_metric_query_is_answered(demo: Stack, pages: list[dict[str, Any]], past: str) -> None:
    """What may be empty on a good day is looked for in the whole past."""
    day, ever = every_metric_query(pages, DAY), every_metric_query(pages, past)
    assert len(day) > 50

    def answered(where: str) -> bool:
        if metric_answered(demo, day[where], DAY):
            return True
        return ever[where].may_be_empty and metric_answered(demo, ever[where], past)

    left = unanswered((where for where in day if where not in SOMETIMES), answered, PATIENCE_SECONDS)
    assert not left, "\n".join(f"{where}: {day[where].expr}" for where in left)


def test_every_document_query_is_answered_with_the_key_that_only_reads(
    demo: Stack, pages: list[dict[str, Any]], past: str
) -> None:
    queries = every_document_query(pages, past)
    assert len(queries) > 3
    left = unanswered(
        (where for where in queries if where not in SOMETIMES),
        lambda where: document_answered(demo, queries[where]),
        60,
    )
    assert not left, "\n".join(f"{where}: {json.dumps(queries[where].body)}" for where in left)


def test_what_may_be_empty_by_nature_says_so(pages: list[dict[str, Any]], past: str) -> None:
    metrics = every_metric_query(pages, past)
    for where in SOMETIMES:
        assert where in metrics, f"{where}: there is no such query any more"
        panel = where.rpartition(" (")[0]
        has_more = any(other != where and other.rpartition(" (")[0] == panel for other in metrics)
        assert metrics[where].may_be_empty or has_more, f"{where}: its panel does not say that none is good"
