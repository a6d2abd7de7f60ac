from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aiwatch.cli import main

PROCESS = "name: bot\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    (folder / "processes").mkdir(parents=True)
    (folder / "processes" / "bot.yml").write_text(PROCESS)
    return folder


def provision(catalogue: Path, *arguments: str) -> Result:
    root = catalogue.parent / "site"
    return CliRunner().invoke(main, ["provision", f"--catalogue={catalogue}", f"--root={root}", *arguments])


def test_what_was_written_agrees_with_the_catalogue(catalogue: Path) -> None:
    assert provision(catalogue).exit_code == 0
    assert provision(catalogue, "--check").exit_code == 0
    assert "0 written, 0 removed" in provision(catalogue).output


def test_check_shows_what_is_stale_and_how_to_mend_it_and_writes_nothing(catalogue: Path) -> None:
    provision(catalogue)
    rules = catalogue.parent / "site/prometheus/generated/rules/bot.yml"
    rules.write_text(rules.read_text() + "# by hand\n")
    result = provision(catalogue, "--check")
    assert result.exit_code == 1
    assert "-# by hand" in result.output
    assert "aiwatch provision" in result.output
    assert rules.read_text().endswith("# by hand\n")


def test_an_error_in_the_catalogue_leaves_everything_as_it_was(catalogue: Path) -> None:
    provision(catalogue)
    rules = catalogue.parent / "site/prometheus/generated/rules/bot.yml"
    before = rules.read_text()
    (catalogue / "processes" / "bot.yml").write_text(PROCESS + "slos: [{name: a, indicator: errors, objective: 99}]\n")
    result = provision(catalogue)
    assert result.exit_code == 1
    assert "bot.yml:6" in result.output
    assert "0.99" in result.output
    assert rules.read_text() == before


def test_other_addresses_stand_in_the_annotations(catalogue: Path) -> None:
    assert provision(catalogue, "--endpoint=inbox=http://inbox.example:81").exit_code == 0
    rules = (catalogue.parent / "site/prometheus/generated/rules/bot.yml").read_text()
    assert "http://inbox.example:81/runbooks/ChatConfidenceLow" in rules


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--endpoint=inbx=http://x"], "one of grafana, inbox, responder"),
        (["--check", "--apply"], "say one of them"),
        (["--prometheus=http://127.0.0.1:1"], "go with --apply"),
        (["--apply", "--grafana=http://127.0.0.1:1"], "--grafana-token-file"),
        (["--apply", "--elasticsearch=http://127.0.0.1:1"], "--password-file"),
        (["--apply", "--alertmanager=http://127.0.0.1:1"], "did not reload"),
    ],
)
def test_a_wrong_call_says_what_to_do(catalogue: Path, arguments: list[str], hint: str) -> None:
    result = provision(catalogue, *arguments)
    assert result.exit_code != 0
    assert hint in result.output
