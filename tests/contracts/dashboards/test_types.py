"""The dashboards against the types that Grafana publishes for its dashboard JSON and for the options of its panels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contracts import npm
from tests.contracts.dashboards import sample

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def grafana() -> Path:
    """Grafana's types and the compiler."""
    return npm.install(HERE / "package.json", "dashboard-types")


def complaints(grafana: Path, folder: Path, pages: dict[str, str]) -> str:
    """Return what the compiler says of each page as a value of Grafana's type."""
    return npm.complaints(grafana, HERE / "types.ts", folder, "Page", pages)


def test_every_page_is_a_dashboard_by_grafanas_types(grafana: Path, tmp_path: Path) -> None:
    pages = {json.loads(text)["uid"]: text for text in sample.texts().values()}
    assert complaints(grafana, tmp_path, pages) == ""


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda page: page.pop("schemaVersion"), "schemaVersion"),
        (lambda page: page.update(refreshes="30s"), "refreshes"),
        (lambda page: page["links"][0].update(type="page"), '"page"'),
        (lambda page: page["panels"][0]["options"].update(colorMod="value"), "colorMod"),
        (lambda page: page["panels"][0]["fieldConfig"]["defaults"].update(unit=5), "number"),
    ],
    ids=["missing", "unknown", "value", "option", "type"],
)
def test_the_check_finds_a_broken_page(grafana: Path, tmp_path: Path, broken: object, complaint: str) -> None:
    page = sample.pages()["aiwatch-bot"]
    assert callable(broken)
    broken(page)
    assert complaint in complaints(grafana, tmp_path, {"broken": json.dumps(page)})
