from __future__ import annotations

from aiwatch.kinds import KINDS
from aiwatch.provision.uids import dashboard_uid
from tests.contracts.dashboards import sample
from tests.contracts.dashboards.sample import panel

PAGE = sample.pages()["aiwatch-overview"]
TABLE = panel(PAGE, "How every process does")


def test_every_process_leads_to_its_page_even_where_its_uid_is_cut() -> None:
    (identity, *_) = TABLE["targets"]
    assert '"dashboard", "aiwatch-$1", "process", "(.+)"' in identity["expr"]
    assert f'"dashboard", "{dashboard_uid(sample.LONG)}", "process", "{sample.LONG}"' in identity["expr"]
    overrides = {each["matcher"]["options"]: each["properties"] for each in TABLE["fieldConfig"]["overrides"]}
    (link,) = overrides["Process"]
    assert link["value"][0]["url"].startswith("/d/${__data.fields.dashboard}")


def test_every_kind_counts_as_traffic() -> None:
    requests = TABLE["targets"][2]["expr"]
    assert all(kind.volume in requests for kind in KINDS)


def test_columns_are_matched_to_their_queries_by_letter() -> None:
    steps = {step["id"]: step["options"] for step in TABLE["transformations"]}
    named = steps["organize"]["renameByName"]
    letters = {target["refId"]: target["expr"] for target in TABLE["targets"]}
    assert steps["joinByField"] == {"byField": "process", "mode": "outer"}
    assert "ALERTS" in letters["B"]
    assert named["Value #B"] == "Firing alerts"
    assert "ai_last_event_timestamp_seconds" in letters["I"]
    assert named["Value #I"] == "Newest event"
    assert set(letters) == {"A", *(name.removeprefix("Value #") for name in named if name.startswith("Value #"))}


def test_the_choice_of_business_unit_and_tier_narrows_every_column() -> None:
    for target in TABLE["targets"]:
        assert 'ai_process_info{business_unit=~"$business_unit",tier=~"$tier"}' in target["expr"]


def test_the_watchdog_is_not_counted_as_an_alert() -> None:
    for title in ("Firing alerts by severity", "Active alerts"):
        for target in panel(PAGE, title)["targets"]:
            assert 'alertname!="Watchdog"' in target["expr"]


def test_the_age_of_unread_lines_is_measured_against_the_strictest_process() -> None:
    found = panel(PAGE, "Age of the oldest unread line")
    assert found["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] == 300.0
