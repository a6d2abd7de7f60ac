"""What Grafana's dashboard linter asks, and what people who read a page ask besides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from aiwatch.provision.grafana_panels.page import GRID_WIDTH
from tests.contracts.dashboard_queries import panels
from tests.contracts.dashboards import sample

PAGES = sample.pages()
ALLOWED_WINDOWS = {"$__rate_interval", "$__range", "15m", "1h", "2h", "1d", "7d"}
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


def targets(page: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in panels(page):
        for target in panel["targets"]:
            yield panel["title"], target


def test_every_process_and_the_overview_have_a_page_in_a_file_of_its_uid() -> None:
    assert len(PAGES) == len(sample.CATALOGUE.processes) + 1
    for path, text in sample.texts().items():
        assert path == f"grafana/generated/dashboards/{json.loads(text)['uid']}.json"


def test_the_same_catalogue_gives_the_same_text() -> None:
    assert sample.texts() == sample.texts()


def test_text_is_sorted_indented_and_ends_with_a_newline() -> None:
    for text in sample.texts().values():
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@each_page
def test_a_page_tells_what_it_is_and_cannot_be_edited_in_place(page: dict[str, Any]) -> None:
    assert page["title"]
    assert page["description"]
    assert "aiwatch" in page["tags"]
    assert len(page["uid"]) <= 40
    assert (page["editable"], page["timezone"], page["refresh"]) == (False, "browser", "30s")
    assert not {"version", "id", "iteration"} & page.keys()


@each_page
def test_every_panel_has_title_description_unit_thresholds_and_words_for_no_data(page: dict[str, Any]) -> None:
    for panel in panels(page):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None, panel["title"]
        assert steps[1:] == sorted(steps[1:]), panel["title"]


@each_page
def test_numbers_titles_and_letters_of_queries_are_unique(page: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in page["panels"]]
    titles = [panel["title"] for panel in page["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert len(set(titles)) == len(titles)
    for panel in panels(page):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(set(letters)) == len(letters)


@each_page
def test_panels_fit_on_the_page_and_do_not_overlap(page: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in page["panels"]]
    for title, place in places:
        assert place["x"] + place["w"] <= GRID_WIDTH, title
    for (one, a), (other, b) in combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one} and {other} overlap"


@each_page
def test_every_line_of_panels_fills_the_width_of_the_page(page: dict[str, Any]) -> None:
    cells = [panel["gridPos"] for panel in page["panels"]]
    bottom = max(cell["y"] + cell["h"] for cell in cells)
    for row in range(bottom):
        covered = sum(cell["w"] for cell in cells if cell["y"] <= row < cell["y"] + cell["h"])
        assert covered == GRID_WIDTH, f"grid row {row} is covered by {covered} of {GRID_WIDTH}"


@each_page
def test_every_query_asks_a_data_source_that_people_can_choose(page: dict[str, Any]) -> None:
    chosen = {v["name"]: v["query"] for v in page["templating"]["list"] if v["type"] == "datasource"}
    sources = [target["datasource"] for _, target in targets(page)]
    sources += [panel["datasource"] for panel in panels(page)]
    sources += [annotation["datasource"] for annotation in page["annotations"]["list"]]
    sources += [v["datasource"] for v in page["templating"]["list"] if v["type"] == "query"]
    for source in sources:
        name = source["uid"].removeprefix("${").removesuffix("}")
        assert source["uid"] == f"${{{name}}}"
        assert source["type"] == chosen[name]


@each_page
def test_every_variable_is_used(page: dict[str, Any]) -> None:
    rest = json.dumps({key: value for key, value in page.items() if key != "templating"})
    for variable in page["templating"]["list"]:
        assert re.search(rf"\$\{{?{variable['name']}\b", rest), variable["name"]


@each_page
def test_counters_are_read_at_the_panels_resolution_or_over_a_window_that_is_told(page: dict[str, Any]) -> None:
    for title, target in targets(page):
        for window in re.findall(r"\[([^]]+)]", target.get("expr", "")):
            assert window in ALLOWED_WINDOWS, f"{title}: {window}"
        if target.get("range") and "[$__range]" in target["expr"]:
            assert "@ end()" in target["expr"], f"{title}: $__range slides along a chart"


@each_page
def test_every_counter_is_summed_over_its_instances(page: dict[str, Any]) -> None:
    for title, target in targets(page):
        expr = target.get("expr", "")
        read = len(re.findall(r"\b(?:rate|increase)\(", expr))
        summed = len(re.findall(r"\bsum(?: by \([^)]*\) )?\((?:rate|increase)\(", expr))
        assert read == summed, f"{title}: {expr}"


@each_page
def test_lines_have_names_that_people_understand(page: dict[str, Any]) -> None:
    for panel in panels(page):
        if panel["type"] in ("timeseries", "heatmap", "bargauge"):
            for target in panel["targets"]:
                assert target["legendFormat"] not in ("", "__auto"), panel["title"]


@each_page
def test_elasticsearch_is_asked_only_for_what_needs_no_scripts(page: dict[str, Any]) -> None:
    for title, target in targets(page):
        if target["datasource"]["type"] == "elasticsearch":
            metrics = {metric["type"] for metric in target["metrics"]}
            assert metrics <= {"count", "avg", "percentiles", "raw_data"}, title
            assert {bucket["type"] for bucket in target["bucketAggs"]} <= {"terms", "date_histogram"}, title
            assert target["timeField"] == "@timestamp", title
            assert target["query"].startswith('process:"'), title


@each_page
def test_tables_show_columns_that_their_settings_name(page: dict[str, Any]) -> None:
    for panel in panels(page):
        if panel["type"] == "table":
            steps = {step["id"]: step["options"] for step in panel["transformations"]}
            shown = steps["filterFieldsByName"]["include"]["names"]
            titles = {steps["organize"]["renameByName"].get(name, name) for name in shown}
            assert len(titles) == len(shown), panel["title"]
            assert set(steps["organize"]["indexByName"]) == set(shown), panel["title"]
            assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= titles, panel["title"]
            assert {sort["displayName"] for sort in panel["options"].get("sortBy", [])} <= titles, panel["title"]


@each_page
def test_every_page_leads_to_the_others_and_to_the_inbox(page: dict[str, Any]) -> None:
    links = page["links"]
    assert {"dashboards"} == {link["type"] for link in links if link["tags"] == ["aiwatch"]}
    assert sample.CATALOGUE.framework.endpoints.inbox in {link.get("url") for link in links}
    if page["uid"] != "aiwatch-overview":
        assert "/d/aiwatch-overview" in {link.get("url") for link in links}
