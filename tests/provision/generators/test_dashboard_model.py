from __future__ import annotations

from aiwatch.provision.uids import dashboard_uid
from tests.contracts.dashboards import sample
from tests.contracts.dashboards.sample import panel

PAGES = sample.pages()
FRAUD = PAGES["aiwatch-fraud"]
FORECAST = PAGES[dashboard_uid(sample.LONG)]


def titles(page: dict[str, object]) -> set[str]:
    found = page["panels"]
    assert isinstance(found, list)
    return {each["title"] for each in found}


def test_a_classifier_shows_decisions_and_scores() -> None:
    assert {"Predictions by decision", "Score distribution over time", "Highest scores"} <= titles(FRAUD)


def test_a_regressor_shows_values_and_no_decisions() -> None:
    assert {"Predicted values over time", "Value distribution over time", "Highest values"} <= titles(FORECAST)
    assert not [title for title in titles(FORECAST) if "ecision" in title or "core" in title]


def test_features_are_shown_only_where_some_are_configured() -> None:
    assert {"Missing features", "Invalid features"} <= titles(FRAUD)
    assert "Missing features" not in titles(FORECAST)


def test_missing_features_are_measured_against_their_alert() -> None:
    found = panel(FRAUD, "Missing features")
    assert found["fieldConfig"]["defaults"]["thresholds"]["steps"][-1] == {"color": "red", "value": 0.02}
    assert "above 2 %" in found["description"]


def test_scores_are_compared_with_the_week_before() -> None:
    now, before = panel(FRAUD, "Score distribution, this period"), panel(FRAUD, "Score distribution, a week before")
    assert "offset" not in now["targets"][0]["expr"]
    assert before["targets"][0]["expr"].count("[$__range] offset 1w") == 2
    assert {now["targets"][0]["format"], before["targets"][0]["format"]} == {"heatmap"}


def test_the_average_of_the_week_before_is_moved_in_both_its_parts() -> None:
    average, before = panel(FRAUD, "Average score over time")["targets"]
    assert before["expr"].replace(" offset 1w", "") == average["expr"]
    assert before["expr"].count(" offset 1w") == 2


def test_documents_show_the_features_and_the_highest_scores_first() -> None:
    found = panel(FRAUD, "Highest scores")
    steps = {step["id"]: step["options"] for step in found["transformations"]}
    assert {"features.amount", "features.country"} <= set(steps["filterFieldsByName"]["include"]["names"])
    assert steps["sortBy"]["sort"] == [{"field": "Score", "desc": True}]
    assert found["datasource"]["uid"] == "${elasticsearch}"
