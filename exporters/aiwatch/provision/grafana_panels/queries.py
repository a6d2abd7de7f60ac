"""Queries of panels: Prometheus now or over time, and Elasticsearch by counts or documents.

Elasticsearch is asked only for what needs no scripts: counts, terms and the documents themselves.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import elasticsearch as es
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.elasticsearch import BucketAggregation, TermsOrder
from grafana_foundation_sdk.models.elasticsearch import Dataquery as Documents
from grafana_foundation_sdk.models.prometheus import Dataquery as Metrics
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from aiwatch import names
from aiwatch.provision.grafana_panels.datasources import PROMETHEUS, DataSource

__all__ = [
    "Documents",
    "Metrics",
    "Query",
    "buckets",
    "buckets_now",
    "counts",
    "documents",
    "now",
    "over_time",
    "rows",
]

Query = Metrics | Documents


def _metrics(expr: str, legend: str) -> prom.Dataquery:
    query = prom.Dataquery().datasource(PROMETHEUS.reference).editor_mode(QueryEditorMode.CODE)
    return query.expr(expr).legend_format(legend or "__auto")


def now(expr: str, legend: str = "") -> Metrics:
    """Ask Prometheus for the value at the end of the time range."""
    return _metrics(expr, legend).instant().build()


def rows(expr: str) -> Metrics:
    """Ask Prometheus for the values at the end of the time range: a column per label, and `Value`."""
    return _metrics(expr, "").instant().format(PromQueryFormat.TABLE).build()


def over_time(expr: str, legend: str, *, exemplars: bool = False) -> Metrics:
    """Ask Prometheus for values over the time range, with exemplars where traces are worth a look."""
    query = _metrics(expr, legend).range()
    return query.exemplar(True).build() if exemplars else query.build()


def buckets(expr: str) -> Metrics:
    """Ask Prometheus for cumulative histogram buckets over time; Grafana takes them apart by `le`."""
    return _metrics(expr, "{{le}}").range().format(PromQueryFormat.HEATMAP).build()


def buckets_now(expr: str) -> Metrics:
    """Ask Prometheus for cumulative histogram buckets at the end of the time range."""
    return _metrics(expr, "{{le}}").instant().format(PromQueryFormat.HEATMAP).build()


def documents(source: DataSource, lucene: str, size: int) -> Documents:
    """Ask Elasticsearch for the ``size`` newest documents that a Lucene query finds."""
    metric = es.RawData().id("1").settings(es.ElasticsearchRawDataSettings().size(str(size)))
    return _documents(source, lucene).metrics([metric]).bucket_aggs([]).build()


def counts(source: DataSource, lucene: str, fields: tuple[str, ...], size: int) -> Documents:
    """Ask Elasticsearch for the number of documents per value of ``fields``, most frequent first."""
    terms: list[Builder[BucketAggregation]] = [
        es.Terms()
        .id(str(number))
        .field(field)
        .settings(
            es.ElasticsearchTermsSettings().size(str(size)).order(TermsOrder.DESC).order_by("_count").min_doc_count("1")
        )
        for number, field in enumerate(fields, start=2)
    ]
    return _documents(source, lucene).metrics([es.Count().id("1")]).bucket_aggs(terms).build()


def _documents(source: DataSource, lucene: str) -> es.Dataquery:
    return es.Dataquery().datasource(source.reference).query(lucene).time_field(names.TIMESTAMP)
