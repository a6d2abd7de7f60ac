"""When a change of the catalogue counts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aiwatch.catalogue.watch import CatalogueWatch

PROCESS = "name: bot\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "processes" / "bot.yml"
    file.parent.mkdir()
    file.write_text(PROCESS)
    return file


def test_a_change_counts_once_and_only_when_nobody_writes_any_more(file: Path) -> None:
    watch = CatalogueWatch(file.parents[1])
    assert watch.changed() is None
    file.write_text(PROCESS + "# one\n")
    assert watch.changed() is None
    file.write_text(PROCESS + "intents: [greeting]\n")
    assert watch.changed() is None
    found = watch.changed()
    assert found is not None
    assert found.processes[0].name == "bot"
    assert watch.changed() is None


def test_a_mistake_is_logged_once_and_its_correction_counts(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = CatalogueWatch(file.parents[1])
    file.write_text(PROCESS + "kinds: chat\n")
    with caplog.at_level(logging.ERROR):
        assert [watch.changed() for _ in range(4)] == [None] * 4
    assert len(caplog.records) == 1
    assert "bot.yml:6" in caplog.text
    file.write_text(PROCESS)
    assert [watch.changed() is not None for _ in range(3)] == [False, True, False]
