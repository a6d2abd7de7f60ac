"""/metrics with 100,000 series of which one in a hundred changed since the last scrape, against Prometheus's client."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from aiwatch import names
from aiwatch.ingest.exposition import Exposition
from bench.engine.many import LATENCY, ManySeries
from bench.engine.timing import on_one_core, ratio, take_turns
from bench.report import Figure

_SERIES = 100_000
_TURNS = 5


def measure(_records: int) -> Iterator[Figure]:
    """Yield the figures of both formats."""
    many = ManySeries(_SERIES)
    exposition = Exposition(many.state)
    theirs = _registry(many)
    generate: dict[bool, Callable[[CollectorRegistry], bytes]] = {False: generate_latest, True: generate_openmetrics}
    for openmetrics, label in ((False, "plain"), (True, "OpenMetrics")):
        _check(exposition.render(openmetrics) + ("# EOF\n" if openmetrics else ""), openmetrics, many)
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        with on_one_core():
            for _ in range(_TURNS):
                many.change(0.01)
                sides = {
                    "ours": lambda om=openmetrics: exposition.render(om).encode(),
                    "theirs": lambda om=openmetrics: generate[om](theirs),
                }
                for side, seconds in take_turns(sides, 1).items():
                    times[side] += seconds
        yield Figure(f"/metrics, {label}: {many.lines:,} series", statistics.median(times["ours"]) * 1000, "ms")
        client = statistics.median(times["theirs"]) * 1000
        yield Figure(f"/metrics, {label}: generate_latest of prometheus_client", client, "ms")
        faster = ratio(times["theirs"], times["ours"])
        yield Figure(f"/metrics, {label}: against prometheus_client", faster, "ratio", ">= 20")


def _registry(many: ManySeries) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = many.state.metrics
    counted, observed = metrics[names.INTERACTIONS_TOTAL], metrics[names.LATENCY_SECONDS]
    counter = Counter(counted.name, counted.help, counted.labels, registry=registry)
    histogram = Histogram(observed.name, observed.help, observed.labels, registry=registry, buckets=LATENCY)
    for labels in many.counters:
        counter.labels(*labels).inc()
    for labels in many.histograms:
        histogram.labels(*labels).observe(0.5)
    return registry


def _check(text: str, openmetrics: bool, many: ManySeries) -> None:
    """Make sure that the client's own parser reads every series."""
    parse = parse_openmetrics if openmetrics else parse_plain
    read = sum(len(family.samples) for family in parse(text))
    assert read == many.lines, f"the parser of prometheus_client reads {read} of {many.lines} series"
