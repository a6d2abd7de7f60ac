from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contracts.dashboard_queries import document_queries, metric_queries, panels
from tests.contracts.dashboards import sample

PAGES = sample.pages()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_target_of_every_panel_becomes_one_query_without_macros(page: dict[str, Any]) -> None:
    metrics, documents = metric_queries(page), document_queries(page, 0, 1)
    asked = [query for query in metrics if "variable" not in query.where and "annotation" not in query.where]
    assert len(asked) + len(documents) == sum(len(panel["targets"]) for panel in panels(page))
    for query in metrics:
        assert not re.search(r"\$[A-Za-z_{]", query.expr), query.expr


def test_macros_become_what_grafana_would_put_there() -> None:
    queries = {query.where: query for query in metric_queries(PAGES["aiwatch-bot"], "7d")}
    total = queries["aiwatch-bot: Total interactions (A)"]
    assert total.expr == 'sum(increase(ai_interactions_total{process="bot",model_version=~".*"}[7d]))'
    assert total.instant
    outcomes = queries["aiwatch-bot: Outcomes over time (A)"]
    assert "[135s]" in outcomes.expr
    assert (outcomes.instant, outcomes.step) == (False, 120.0)


def test_variables_are_asked_for_the_values_of_their_label() -> None:
    queries = {query.where: query.expr for query in metric_queries(PAGES["aiwatch-overview"])}
    assert queries["aiwatch-overview: variable tier"] == "group by (tier) (ai_process_info)"


def test_what_is_empty_on_a_good_day_is_marked() -> None:
    metrics = [q.where for q in metric_queries(PAGES["aiwatch-fraud"]) if q.may_be_empty]
    documents = [q.where for q in document_queries(PAGES["aiwatch-fraud"], 0, 1) if q.may_be_empty]
    assert metrics == [
        "aiwatch-fraud: Active alerts (A)",
        "aiwatch-fraud: Age of the baseline (A)",
        "aiwatch-fraud: Drift expected in (A)",
        "aiwatch-fraud: Tested until (A)",
        "aiwatch-fraud: Likely cause (A)",
        "aiwatch-fraud: Evidence (A)",
        "aiwatch-fraud: Report (A)",
        "aiwatch-fraud: Score distribution in the baseline (A)",
        "aiwatch-fraud: annotation Alerts",
    ]
    assert documents == ["aiwatch-fraud: Latest errors (A)"]


def test_documents_are_asked_for_as_grafana_words_it() -> None:
    queries = {query.where: query for query in document_queries(PAGES["aiwatch-bot"], 1000, 2000)}
    comments = queries["aiwatch-bot: Comments by users (A)"]
    assert comments.index == "aiwatch-feedback-*"
    assert comments.body == {
        "size": 100,
        "query": {
            "bool": {
                "filter": [
                    {"range": {"@timestamp": {"gte": 1000, "lte": 2000, "format": "epoch_millis"}}},
                    {"query_string": {"analyze_wildcard": True, "query": 'process:"bot" AND _exists_:comment'}},
                ]
            }
        },
        "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
        "docvalue_fields": ["@timestamp"],
    }


def test_counts_by_two_fields_are_nested() -> None:
    queries = {query.where: query for query in document_queries(PAGES["aiwatch-bot"], 0, 1)}
    body = queries["aiwatch-bot: Satisfaction by intent (A)"].body
    outer = body["aggs"]["2"]
    assert body["size"] == 0
    assert outer["terms"] == {"field": "intent", "size": 15, "min_doc_count": 1, "order": {"_count": "desc"}}
    assert outer["aggs"]["3"]["terms"]["field"] == "feedback.rating"
