"""Several states shown as one."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aiwatch import names
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.exposition import Exposition, JointExposition
from aiwatch.ingest.state import MetricState
from aiwatch.kinds.base import Delta


def exposition(lines: float, place: str) -> Exposition:
    state = MetricState(all_metrics())
    delta = Delta()
    delta.count(names.LINES_READ_TOTAL, ("bot",), lines)
    delta.histogram(names.LATENCY_SECONDS, ("bot", "1"), (0.5, 1.0)).counts[0] += 1
    state.publish(state.prepare([delta], 1.0))
    state.mature(list(state.young))
    return Exposition(state, {"partition": place} if place else {})


@pytest.mark.parametrize("openmetrics", [False, True])
def test_each_family_is_told_once_with_the_series_of_all(openmetrics: bool) -> None:
    parts = [exposition(5, ""), exposition(7, 'a"/0'), exposition(9, "a/1")]
    text = JointExposition(lambda: parts).render(openmetrics)
    kinds = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds)) == 2
    assert 'aiwatch_lines_read_total{process="bot"} 5.0\n' in text
    assert 'aiwatch_lines_read_total{process="bot",partition="a\\"/0"} 7.0\n' in text
    assert 'ai_latency_seconds_bucket{process="bot",model_version="1",partition="a/1",le="0.5"} 1.0\n' in text
    if openmetrics:
        families = {family.name: family for family in text_string_to_metric_families(text + "# EOF\n")}
        lines = families["aiwatch_lines_read"].samples
        assert {(s.labels.get("partition"), s.value) for s in lines} == {(None, 5), ('a"/0', 7), ("a/1", 9)}


def test_what_is_gone_is_shown_no_more() -> None:
    parts = [exposition(5, "a/0"), exposition(7, "a/1")]
    joint = JointExposition(lambda: parts)
    assert "a/1" in joint.render(False)
    parts.pop()
    assert "a/1" not in joint.render(False)
