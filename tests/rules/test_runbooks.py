"""Every alert has a runbook, which can be relied on: what it says to type is valid."""

import json
import re
from importlib.resources import files

import pytest
import yaml

from aiwatch import names
from aiwatch.catalogue.model import Catalogue
from aiwatch.kinds import KINDS
from aiwatch.provision.generators import generate_all

RUNBOOKS = {file.name.removesuffix(".md"): file for file in files("aiwatch.respond").joinpath("runbooks").iterdir()}
SETTINGS = {
    alert: (kind, field)
    for kind in KINDS
    for field, alert in (
        (field, type(getattr(kind.options().alerts, field)).alert) for field in type(kind.options().alerts).model_fields
    )
}


def blocks(alert: str, language: str) -> list[str]:
    text = RUNBOOKS[alert].read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line[len(indent) :] for line in body.splitlines()) for indent, body in found]


def test_there_is_a_runbook_for_every_alert_and_for_nothing_else():
    assert set(RUNBOOKS) == {*SETTINGS, *names.FRAMEWORK_ALERTS}


@pytest.mark.parametrize("alert", sorted(RUNBOOKS))
def test_a_runbook_says_why_it_matters_where_to_look_what_to_do_and_how_to_tune(alert):
    text = RUNBOOKS[alert].read_text(encoding="utf-8")
    assert text.startswith(f"# {alert}\n")
    assert "**Why it matters.**" in text
    assert [head.split(",")[0] for head in re.findall(r"^## (.*)$", text, re.MULTILINE)] == ["Look", "Do", "Tune"]


@pytest.mark.parametrize("alert", sorted(SETTINGS))
def test_the_settings_that_a_runbook_shows_are_accepted(alert):
    kind, field = SETTINGS[alert]
    [block] = blocks(alert, "yaml")
    shown = yaml.safe_load(block)["alerts"]
    assert list(shown) == [field]
    kind.options.model_validate({"alerts": shown})


def test_the_objectives_that_the_runbook_shows_are_accepted():
    [block] = blocks(names.ALERT_SLO_BURN, "yaml")
    for kind in KINDS:
        kind.options.model_validate(yaml.safe_load(block))


@pytest.mark.parametrize("alert", sorted(RUNBOOKS))
def test_the_queries_of_a_runbook_are_valid(alert, promtool, tmp_path):
    queries = [
        query
        for block in blocks(alert, "promql")
        for query in re.split(r"\n(?! )", re.sub(r"#.*", "", block))
        if query.strip()
    ]
    assert queries or alert == names.ALERT_WATCHDOG
    rules = [{"record": f"runbook:query{number}:any", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbook", "rules": rules}]}), encoding="utf-8")
    result = promtool("check", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def panels(catalogue: Catalogue) -> set[str]:
    """The titles of all panels of all generated dashboards."""
    dashboards = [json.loads(text) for path, text in generate_all(catalogue).items() if "/dashboards/" in path]
    return {title for dashboard in dashboards for title in titles(dashboard)}


def titles(panel: dict) -> set[str]:
    return {panel.get("title", "")}.union(*(titles(inner) for inner in panel.get("panels", ())))


@pytest.mark.parametrize("alert", sorted(RUNBOOKS))
def test_the_panels_that_a_runbook_names_are_on_a_dashboard(alert, panels):
    text = RUNBOOKS[alert].read_text(encoding="utf-8")
    named = {" ".join(title.split()) for title in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)}
    pages_of_prometheus = {title for title in named if title.startswith("Status > ")}
    assert named - pages_of_prometheus <= panels
