"""The text of /metrics: whole, read by both of Prometheus's parsers and by promtool, never decreasing."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from aiwatch import names
from aiwatch.ingest.export import all_metrics, open_exporter
from aiwatch.ingest.exposition import Exposition
from aiwatch.ingest.serve import full_text
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta
from tests.ingest.samples import catalogue, feedback, interaction, lines, prediction, process

GOLDEN = Path(__file__).parent.parent / "golden" / "exposition.txt"
STRANGE = 'a "quoted" \\ back\nslash é'


def state_of(*deltas: Delta, clock: Any = lambda: 0.0) -> MetricState:
    state = MetricState(all_metrics(), clock=clock)
    state.publish(state.prepare(deltas, 1.0))
    return state


def counted(value: float = 1, intent: str = "a") -> Delta:
    delta = Delta()
    delta.count(names.INTERACTIONS_TOTAL, ("bot", "1", intent, "answered"), value)
    return delta


def observed(value: float, trace: str = "") -> Delta:
    delta = Delta()
    histogram = delta.histogram(names.LATENCY_SECONDS, ("bot", "1"), (0.5, 1.0))
    (bucket,) = histogram.observe_all([value])
    if trace:
        histogram.exemplars[bucket] = (trace, value, 1772622000.25)
    return delta


def grown(state: MetricState) -> MetricState:
    state.mature(state.ripe(0.0)[0])
    return state


@pytest.fixture
def small_log(tmp_path: Path) -> tuple[str, bytes]:
    """The metrics of a small log of three kinds of process, without what differs from run to run; and all of them."""
    logs = tmp_path / "logs"
    contents = {
        "bot": lines(
            interaction(0, id="e1", intent="refund", confidence=0.9, latency=0.25, outcome="answered", session="s1"),
            interaction(60, id="e2", intent="refund", confidence=0.4, latency=3, outcome="fallback", session="s1",
                        model_version="2", input_tokens=10, output_tokens=20, cost=0.5, trace_id="ab" * 16),
            interaction(60, id="e2", intent="refund"),
            interaction(7200, id="e3", intent=STRANGE, outcome="error", session="s1"),
            feedback(61, id="f1", interaction="e2", rating="down"),
            b"nonsense",
            b"{}",
        ),
        "fraud": lines(
            prediction(0, id="p1", score=0.97, decision="block", latency=0.01,
                       features={"amount": 900, "country": "DE"}),
            prediction(1, id="p2", score=0.02, decision="approve", latency=0.02, features={"amount": -1}),
            prediction(2, id="p3", error="timeout", features={}),
        ),
        "demand": lines(prediction(0, id="p1", value=120.5, latency=0.01), prediction(1, id="p2", value=-3)),
    }  # fmt: skip
    for name, content in contents.items():
        (logs / name).mkdir(parents=True)
        (logs / name / "a.jsonl").write_bytes(content)
    features = {"amount": {"type": "numeric", "min": 0}, "country": {"type": "categorical"}}
    found = catalogue(
        process(intents=["refund"]),
        process("classifier", "fraud", features=features),
        process("regressor", "demand"),
    )
    with ExitStack() as stack:
        exporter = open_exporter(stack, found, logs, tmp_path / "st", tmp_path / "d.ndjson", Event(), 0.0)
        exporter.pipeline.drain()
        text = exporter.exposition.render(openmetrics=False)
        openmetrics = full_text(exporter.exposition, exporter.self_metrics, openmetrics=True)
        assert exporter.exposition.render(openmetrics=False) == text
    return text, openmetrics


def test_the_whole_exposition_of_a_small_log_is_as_it_was(small_log: tuple[str, bytes]) -> None:
    text, _ = small_log
    if not GOLDEN.exists():  # remove the file to write it anew
        GOLDEN.write_text(text)
        pytest.fail(f"{GOLDEN} was written anew: look at what changed")
    assert text == GOLDEN.read_text()


def test_prometheus_parsers_read_the_same_from_both_formats(small_log: tuple[str, bytes]) -> None:
    text, openmetrics = small_log
    plain = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }
    traced = [
        sample
        for family in openmetrics_parser.text_string_to_metric_families(openmetrics.decode())
        for sample in family.samples
    ]
    both = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in traced}
    assert plain.items() <= both.items()
    assert {sample.exemplar.labels["trace_id"] for sample in traced if sample.exemplar} == {"ab" * 16}
    assert any(STRANGE in dict(labels).values() for _, labels in plain)


def test_promtool_accepts_the_metrics(small_log: tuple[str, bytes], promtool: Path) -> None:
    text, _ = small_log
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_young_series_is_shown_as_zero_and_then_with_its_value() -> None:
    state = state_of(counted(5), observed(0.7))
    exposition = Exposition(state)
    young = exposition.render(openmetrics=False)
    assert 'outcome="answered"} 0.0' in young
    assert 'ai_latency_seconds_count{process="bot",model_version="1"} 0.0' in young
    assert 'le="1.0"} 0.0' in young
    grown(state)
    shown = exposition.render(openmetrics=False)
    assert 'outcome="answered"} 5.0' in shown
    assert 'ai_latency_seconds_sum{process="bot",model_version="1"} 0.7' in shown


def test_a_young_gauge_is_shown_with_its_value() -> None:
    delta = Delta()
    delta.maximum(names.LAST_EVENT_TIMESTAMP_SECONDS, ("bot",), 17.0)
    assert "} 17.0" in Exposition(state_of(delta)).render(openmetrics=False)


def test_no_counter_ever_decreases_while_batches_come_and_series_grow_up() -> None:
    now = [0.0]
    state = state_of(clock=lambda: now[0])
    exposition = Exposition(state)
    seen: dict[str, float] = {}
    for step in range(60):
        now[0] = float(step)
        state.publish(state.prepare([counted(step % 3, f"i{step % 7}"), observed(step / 10)], float(step)))
        state.mature(state.ripe(20.0)[0])
        for line in exposition.render(openmetrics=False).splitlines():
            series, _, value = line.rpartition(" ")
            if not line.startswith("#"):
                assert float(value) >= seen.get(series, 0.0)
                seen[series] = float(value)
    assert seen['ai_latency_seconds_count{process="bot",model_version="1"}'] == 60


@pytest.mark.parametrize(("trace", "shown"), [("t" * 120, True), ("t" * 121, False), ('a"b\nc', False), ("", False)])
def test_a_trace_is_shown_as_exemplar_when_openmetrics_allows_it(trace: str, shown: bool) -> None:
    text = Exposition(grown(state_of(observed(0.7, trace)))).render(openmetrics=True)
    families = openmetrics_parser.text_string_to_metric_families(text + "# EOF\n")
    exemplars = [sample.exemplar for family in families for sample in family.samples if sample.exemplar]
    assert [(each.labels["trace_id"], each.value, float(each.timestamp)) for each in exemplars] == (
        [(trace, 0.7, 1772622000.25)] if shown else []
    )


def test_scrapes_at_once_see_whole_batches() -> None:
    state = grown(state_of(counted(1, "a"), counted(1, "b")))
    exposition = Exposition(state)
    torn: list[str] = []
    done = Event()

    def scrape() -> None:
        while not done.is_set():
            text = exposition.render(openmetrics=True)
            values = {line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("ai_interactions_total")}
            if len(values) != 1:
                torn.append(text)

    scrapers = [Thread(target=scrape) for _ in range(3)]
    for scraper in scrapers:
        scraper.start()
    for _ in range(500):
        state.publish(state.prepare([counted(1, "a"), counted(1, "b")], 2.0))
    done.set()
    for scraper in scrapers:
        scraper.join()
    assert torn == []
