from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.dashboards import sample
from tests.contracts.dashboards.sample import panel

PAGES = sample.pages()


@pytest.fixture
def page() -> dict[str, Any]:
    return PAGES["aiwatch-bot"]


def steps(found: dict[str, Any]) -> list[tuple[float | None, str]]:
    return [(step["value"], step["color"]) for step in found["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def test_the_four_panels_that_were_asked_for_stand_at_the_top(page: dict[str, Any]) -> None:
    top = [found["title"] for found in page["panels"] if found["gridPos"]["y"] == 0]
    assert top == [
        "Total interactions",
        "Average confidence",
        "Intent distribution",
        "User satisfaction over time",
    ]


def test_total_interactions_survive_resets_and_count_every_instance(page: dict[str, Any]) -> None:
    (target,) = panel(page, "Total interactions")["targets"]
    assert target["expr"] == (
        'sum(increase(ai_interactions_total{process="bot",model_version=~"$model_version"}[$__range]))'
    )
    assert (target["instant"], target["range"]) == (True, False)


def test_average_confidence_is_weighted_by_traffic_and_red_below_the_alerts_threshold(page: dict[str, Any]) -> None:
    found = panel(page, "Average confidence")
    series = '{process="bot",model_version=~"$model_version"}[$__range]'
    assert found["targets"][0]["expr"] == (
        f"sum(increase(ai_confidence_ratio_sum{series})) / (sum(increase(ai_confidence_ratio_count{series})) > 0)"
    )
    assert steps(found) == [(None, "red"), (0.6, "green")]
    assert "below 60 %" in found["description"]


def test_latency_is_measured_against_the_slo(page: dict[str, Any]) -> None:
    found = panel(page, "Latency percentiles")
    assert steps(found) == [(None, "green"), (1.5, "red")]
    assert [target["legendFormat"] for target in found["targets"]] == ["p50", "p95", "p99"]
    assert [target.get("exemplar") for target in found["targets"]] == [None, None, True]


def test_fallbacks_are_shown_over_the_window_of_their_alert(page: dict[str, Any]) -> None:
    found = panel(page, "Fallback and handoff rate")
    assert all("[2h]" in target["expr"] for target in found["targets"])
    assert steps(found) == [(None, "green"), (0.4, "red")]


def test_conversations_are_of_low_confidence_by_the_alerts_threshold(page: dict[str, Any]) -> None:
    found = panel(page, "Latest conversations with low confidence")
    assert found["targets"][0]["query"] == 'process:"bot" AND confidence:<0.6'
    assert found["datasource"]["uid"] == "${elasticsearch}"


def test_comments_come_from_the_feedback_documents(page: dict[str, Any]) -> None:
    found = panel(page, "Comments by users")
    assert found["targets"][0]["query"] == 'process:"bot" AND _exists_:comment'
    assert found["datasource"]["uid"] == "${elasticsearch_feedback}"


def test_cost_is_in_the_currency_of_the_process(page: dict[str, Any]) -> None:
    found = panel(page, "Cost")
    assert found["fieldConfig"]["defaults"]["unit"] == "currency:EUR "
    assert 'currency="EUR"' in found["targets"][0]["expr"]


def test_the_floor_of_satisfaction_is_drawn_only_where_an_alert_watches_it(page: dict[str, Any]) -> None:
    assert len(panel(page, "User satisfaction over time")["targets"]) == 3
    calm = panel(PAGES["aiwatch-calm-bot"], "User satisfaction over time")
    assert len(calm["targets"]) == 2
    assert "alert" not in calm["description"]


def test_a_process_without_slos_has_no_panels_on_them() -> None:
    titles = {found["title"] for found in PAGES["aiwatch-calm-bot"]["panels"]}
    assert "Active alerts" in titles
    assert "Error budget left" not in titles


def test_alerts_are_marked_across_the_charts(page: dict[str, Any]) -> None:
    (marks,) = page["annotations"]["list"]
    assert marks["target"]["expr"] == 'ALERTS{process="bot",alertstate="firing"}'
    assert marks["enable"] is True
