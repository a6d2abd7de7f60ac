"""What Grafana would ask for a generated dashboard: every query of every panel, macros and variables filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiwatch.kinds.options import format_duration, parse_duration
from aiwatch.provision.grafana_panels.face import QUIET

SCRAPE_SECONDS = 15.0
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.*), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A query for Prometheus: ``instant`` at the end of the period, or over it in steps of ``step`` seconds.

    ``may_be_empty`` marks queries without an answer on a good day: alerts, marks of alerts, errors.
    """

    where: str
    expr: str
    instant: bool
    step: float
    may_be_empty: bool


@dataclass(frozen=True, slots=True)
class DocumentQuery:
    """A query for Elasticsearch: the body of ``POST /<index>/_search``."""

    where: str
    index: str
    body: Mapping[str, Any]
    may_be_empty: bool


def panels(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the panels of a dashboard that show data."""
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def metric_queries(page: Mapping[str, Any], period: str = "24h") -> list[MetricQuery]:
    """Return every query for Prometheus: of panels, of variables and of the marks of alerts.

    Args:
        page: the dashboard's JSON.
        period: the time range chosen in Grafana, as Prometheus writes durations.
    """
    return [*_panel_metrics(page, period), *_variable_metrics(page), *_marks(page, period)]


def document_queries(page: Mapping[str, Any], start: int, end: int) -> list[DocumentQuery]:
    """Return every query for Elasticsearch, as Grafana's plugin words it.

    Args:
        page: the dashboard's JSON.
        start: beginning of the time range in epoch milliseconds.
        end: end of the time range in epoch milliseconds.
    """
    return [
        DocumentQuery(_where(page, panel, target), _index(page, target), _body(target, start, end), _quiet(panel))
        for panel, target in _targets(page, "elasticsearch")
    ]


def _panel_metrics(page: Mapping[str, Any], period: str) -> Iterator[MetricQuery]:
    for panel, target in _targets(page, "prometheus"):
        step = max(parse_duration(panel.get("interval", "1m")), 60.0)
        expr = _fill(page, target["expr"], period, step)
        yield MetricQuery(_where(page, panel, target), expr, target["instant"], step, _quiet(panel))


def _variable_metrics(page: Mapping[str, Any]) -> Iterator[MetricQuery]:
    for variable in page["templating"]["list"]:
        if variable["type"] == "query":
            found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert found, f"{variable['name']}: only label_values(series, label) is understood"
            expr = f"group by ({found['label']}) ({found['series']})"
            yield MetricQuery(f"{page['uid']}: variable {variable['name']}", expr, True, 60.0, False)


def _marks(page: Mapping[str, Any], period: str) -> Iterator[MetricQuery]:
    for annotation in page["annotations"]["list"]:
        expr = _fill(page, annotation["target"]["expr"], period, 60.0)
        yield MetricQuery(f"{page['uid']}: annotation {annotation['name']}", expr, False, 60.0, True)


def _targets(page: Mapping[str, Any], type_: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for panel in panels(page):
        for target in panel["targets"]:
            if target["datasource"]["type"] == type_:
                yield panel, target


def _where(page: Mapping[str, Any], panel: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    return f"{page['uid']}: {panel['title']} ({target['refId']})"


def _quiet(panel: Mapping[str, Any]) -> bool:
    return str(panel["fieldConfig"]["defaults"]["noValue"]).startswith(QUIET)


def _fill(page: Mapping[str, Any], expr: str, period: str, step: float) -> str:
    rate_interval = max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)
    values = {"__rate_interval": format_duration(rate_interval), "__range": period, "__interval": format_duration(step)}
    for variable in page["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"]
    filled = re.sub(r"\$\{?([A-Za-z_]\w*)\}?", lambda match: values[match[1]], expr)
    return filled


def _index(page: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    name = target["datasource"]["uid"].strip("${}")
    variable = next(variable for variable in page["templating"]["list"] if variable["name"] == name)
    return f"{variable['current']['value']}-*"


def _body(target: Mapping[str, Any], start: int, end: int) -> Mapping[str, Any]:
    time_field, metric = target["timeField"], target["metrics"][0]
    period = {time_field: {"gte": start, "lte": end, "format": "epoch_millis"}}
    lucene = {"analyze_wildcard": True, "query": target["query"]}
    query = {"bool": {"filter": [{"range": period}, {"query_string": lucene}]}}
    if metric["type"] == "raw_data":
        return {
            "size": int(metric["settings"]["size"]),
            "query": query,
            "sort": [{time_field: {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
            "docvalue_fields": [time_field],
        }
    assert [each["type"] for each in target["metrics"]] == ["count"], "only counts are understood"
    body: dict[str, Any] = {"size": 0, "query": query}
    level = body
    for bucket in target["bucketAggs"]:
        assert bucket["type"] == "terms", "only buckets by terms are understood"
        settings = bucket["settings"]
        terms = {
            "field": bucket["field"],
            "size": int(settings["size"]),
            "min_doc_count": int(settings["min_doc_count"]),
            "order": {settings["orderBy"]: settings["order"]},
        }
        level["aggs"] = {bucket["id"]: {"terms": terms}}
        level = level["aggs"][bucket["id"]]
    return body
