"""What holds for every kind: its metrics, records and folds belong together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiwatch import kinds, names
from aiwatch.ingest.export import all_metrics
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Delta, Kind, Labels, SessionBook
from aiwatch.kinds.chat import Feedback, Interaction
from aiwatch.kinds.classifier import Classification
from aiwatch.kinds.folding import Folding
from aiwatch.kinds.folding import fold as fold_records
from aiwatch.kinds.regressor import Regression
from tests.ingest.samples import process

TIME = datetime(2026, 3, 4, 12, tzinfo=UTC)
FEATURES = {"amount": {"type": "numeric", "min": 0}, "country": {"type": "categorical", "values": ["DE"]}}
COMMON: dict[str, Any] = {"time": TIME, "latency": 0.5, "model_version": "7", "trace_id": "t"}

SAMPLES: dict[str, dict[str, list[Any]]] = {
    "chat": {
        "interaction": [
            Interaction(**COMMON, intent="a", outcome="error", confidence=0.5, session="s",
                        input_tokens=1, output_tokens=2, cost=0.5),
            Interaction(time=TIME),
        ],
        "feedback": [Feedback(time=TIME, interaction="e1", rating="up")],
    },
    "classifier": {
        "prediction": [
            Classification(**COMMON, score=0.5, decision="block", features={"amount": -1}),
            Classification(time=TIME, error="boom"),
        ]
    },
    "regressor": {
        "prediction": [
            Regression(**COMMON, value=-7.5, features={"amount": "x", "country": "FR"}),
            Regression(time=TIME, error="boom"),
        ]
    },
}  # fmt: skip

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def fold(kind: Kind, record: str, records: list[Any]) -> Delta:
    settings = {"features": FEATURES} if "features" in kind.options.model_fields else {}
    of = process(kind.name, **settings)
    bounds = kind.bounds(of.options, of.latency_thresholds)
    folding = Folding("bot", kind.recipes(of.options), bounds, SessionBook({}), Delta())
    fold_records(folding, record, records)
    return folding.delta


def emitted(delta: Delta) -> Iterator[tuple[str, str, Labels]]:
    for type_, found in (("counter", delta.counters), ("histogram", delta.histograms), ("gauge", delta.maxima)):
        for name, labels in found:
            yield type_, name, labels


@every_kind
def test_every_metric_that_a_fold_emits_is_declared_with_its_labels(kind: Kind) -> None:
    declared = {metric.name: metric for metric in kind.metrics}
    for record, records in SAMPLES[kind.name].items():
        for type_, name, labels in emitted(fold(kind, record, records)):
            assert (type_, len(labels)) == (declared[name].type, len(declared[name].labels))
            assert labels[0] == "bot"


@every_kind
def test_every_declared_metric_is_emitted_by_some_record(kind: Kind) -> None:
    found = {
        name for record, records in SAMPLES[kind.name].items() for _, name, _ in emitted(fold(kind, record, records))
    }
    assert found == {metric.name for metric in kind.metrics}


@every_kind
def test_folding_no_records_emits_no_values(kind: Kind) -> None:
    for record in SAMPLES[kind.name]:
        delta = fold(kind, record, [])
        assert not any(delta.maxima.values())
        assert not any(delta.counters.values())


@every_kind
def test_in_parts_or_at_once_the_counts_are_the_same(kind: Kind) -> None:
    for record, records in SAMPLES[kind.name].items():
        whole = fold(kind, record, records * 2)
        parts = [fold(kind, record, [each]) for each in records * 2]
        sessions = {key for key in whole.counters if key[0] == names.SESSIONS_TOTAL}
        for key in whole.counters.keys() - sessions:
            assert whole.counters[key] == sum(part.counters.get(key, 0) for part in parts)
        for key, histogram in whole.histograms.items():
            counts = [part.histograms[key].counts for part in parts if key in part.histograms]
            assert histogram.counts == [sum(bucket) for bucket in zip(*counts, strict=True)]


@every_kind
def test_every_histogram_has_bounds_that_ascend_and_one_at_each_latency_objective(kind: Kind) -> None:
    of = process(kind.name)
    bounds = kind.bounds(of.options, [0.123])
    assert bounds.keys() == {metric.name for metric in kind.metrics if metric.type == "histogram"}
    for each in bounds.values():
        assert list(each) == sorted(set(each))
    assert 0.123 in bounds[names.LATENCY_SECONDS]


@every_kind
def test_series_known_beforehand_are_declared_counters(kind: Kind) -> None:
    declared = {metric.name: metric for metric in kind.metrics}
    settings = {"features": FEATURES} if "features" in kind.options.model_fields else {}
    for name, labels in kind.zeros("bot", process(kind.name, **settings).options):
        assert (declared[name].type, len(declared[name].labels), labels[0]) == ("counter", len(labels), "bot")


@every_kind
def test_the_records_folds_and_rules_of_a_kind_name_the_same_things(kind: Kind) -> None:
    recipes = kind.recipes(process(kind.name).options)
    assert recipes.keys() == {record.name for record in kind.records} == SAMPLES[kind.name].keys()
    assert kind.volume in {metric.name for metric in kind.metrics}
    for record in kind.records:
        fields = {field.name: field for field in msgspec.structs.fields(record.struct)}
        base = {"time", "id"}
        assert fields.keys() - base <= record.properties.keys()
        assert {*record.text, *record.ranges, *record.choices, *record.dimensions} <= fields.keys()
        assert [field.encode_name for field in fields.values()][:2] == [names.TIMESTAMP, "id"]


def test_a_metric_that_kinds_share_is_the_same_in_all_of_them() -> None:
    by_name: dict[str, Any] = {}
    for kind in KINDS:
        for metric in kind.metrics:
            assert by_name.setdefault(metric.name, metric) == metric
    assert len({metric.name for metric in all_metrics()}) == len(all_metrics())


def test_every_metric_bears_a_name_and_a_help_as_prometheus_wants_them() -> None:
    for metric in all_metrics():
        assert (metric.type == "counter") == metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert metric.labels[0] == names.PROCESS


def test_every_module_of_a_kind_is_registered() -> None:
    folder = kinds.__path__[0]
    modules = {path.stem for path in Path(folder).glob("*.py") if "KIND = Kind(" in path.read_text()}
    assert modules == {kind.name for kind in KINDS}


def test_a_late_event_neither_moves_the_newest_time_back_nor_opens_a_session_anew() -> None:
    book = SessionBook({"s": 10_000.0})
    assert book.openings(["s"], [datetime.fromtimestamp(5_000, UTC)]) == 0
    assert book.touched == {"s": 10_000.0}
