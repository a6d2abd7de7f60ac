"""`aiwatch deadletter`: list, mend, replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aiwatch.cli import main
from tests.commands.test_export import _signals_stay_with_pytest, counts, folder, interaction, write
from tests.ingest.samples import lines

__all__ = ["_signals_stay_with_pytest", "folder"]

Command = Callable[..., Result]


@pytest.fixture
def deadletter(folder: Path) -> Command:
    def invoke(command: str, *arguments: object) -> Result:
        options = [f"--state={folder}/state", *map(str, arguments)]
        return CliRunner().invoke(main, ["deadletter", command, *options])

    return invoke


def stored(folder: Path) -> list[Any]:
    documents = (folder / "documents.ndjson").read_bytes().splitlines()
    return [json.loads(document).get("confidence") for document in documents]


def test_dead_letters_are_listed_with_time_process_reason_and_place(folder: Path, deadletter: Command) -> None:
    write(folder, lines(interaction(), interaction(confidence=7), b"nonsense"))
    counts(folder)
    first, second = deadletter("list").stdout.splitlines()
    number, _, process, reason, place, detail = first.split("\t")
    assert (number, process, reason) == ("1", "bot", "out_of_range")
    assert place.startswith(f"{folder}/logs/bot/a.jsonl, byte ")
    assert "confidence" in detail
    assert "not_json" in second
    assert [json.loads(line)["reason"] for line in deadletter("list", "--json").stdout.splitlines()] == [
        "out_of_range",
        "not_json",
    ]


def test_what_a_terminal_would_obey_is_listed_as_an_escape(folder: Path, deadletter: Command) -> None:
    write(folder, lines(b"nonsense"))
    (folder / "logs" / "bot" / "a.jsonl").rename(folder / "logs" / "bot" / "\x1b[2J\nb.jsonl")
    counts(folder)
    (listed,) = deadletter("list").stdout.splitlines()
    assert "/logs/bot/\\x1b[2J b.jsonl, byte 0" in listed


def test_one_dead_letter_is_shown_whole_with_its_line_laid_out(folder: Path, deadletter: Command) -> None:
    write(folder, lines(interaction(), interaction(confidence=7), b"caf\xe9 \x1b[2J"))
    counts(folder)
    shown = deadletter("show", 1).stdout
    assert "letter    1 of 2\n" in shown
    assert "reason    out_of_range: A number lies outside of its range.\n" in shown
    assert f"place     {folder}/logs/bot/a.jsonl, byte " in shown
    head, _, line = shown.partition("\n\n")
    assert "process   bot\n" in head
    assert json.loads(line)["confidence"] == 7
    assert line.startswith('{\n  "')
    assert deadletter("show", 2).stdout.endswith("\n\ncaf\\xe9 \\x1b[2J\n")


def test_a_dead_letter_that_is_not_there_is_an_error(folder: Path, deadletter: Command) -> None:
    write(folder, lines(b"nonsense"))
    counts(folder)
    result = deadletter("show", 2)
    assert result.exit_code == 1
    assert "there is no dead letter 2: `list` shows 1" in result.stderr


def test_without_dead_letters_the_list_says_so(folder: Path, deadletter: Command) -> None:
    counts(folder)
    assert deadletter("list").stdout == "no dead letters\n"
    assert deadletter("list", "--json").stdout == ""


def test_a_mended_line_is_stored_and_counted_once_however_often_it_is_replayed(
    folder: Path, deadletter: Command
) -> None:
    write(folder, lines(interaction(confidence=7), interaction(id="b", confidence=8), interaction(id="c")))
    counts(folder)
    mended = folder / "mended.ndjson"
    text = deadletter("list", "--json").stdout
    mended.write_text(
        text.replace('\\"confidence\\": 7', '\\"confidence\\": 0.7').replace(
            '\\"confidence\\": 8', '\\"confidence\\": 0.8'
        )
    )
    assert deadletter("replay", mended).stdout == "2 lines will be read again by the exporter\n"
    assert counts(folder)["records"] == 2
    deadletter("replay", mended)
    again = counts(folder)
    assert (again["records"], again["duplicates"], again["rejected"]) == (0, 2, {})
    assert stored(folder) == [None, 0.7, 0.8]


def test_lines_are_replayed_as_they_are_once_the_catalogue_is_mended(folder: Path, deadletter: Command) -> None:
    write(folder, lines({"event": "chat", "t": 1772622000, "conf": 70}))
    counts(folder)
    deadletter("replay")
    assert counts(folder)["rejected"] == {"missing_field": 1}
    process = folder / "catalogue" / "processes" / "bot.yml"
    fields = "{time: {field: t, unit: s}, confidence: {field: conf, unit: percent}}"
    mapped = f"logs: [{{path: bot/*.jsonl, record: interaction, fields: {fields}}}]\n"
    process.write_text(process.read_text() + mapped)
    assert deadletter("replay").stdout == "1 lines will be read again by the exporter\n"
    assert counts(folder)["records"] == 1
    assert stored(folder) == [0.7]


def test_a_state_folder_that_is_not_there_is_an_error(folder: Path, deadletter: Command) -> None:
    for command in (("list",), ("show", 1), ("replay",)):
        result = deadletter(*command)
        assert result.exit_code == 1
        assert "there is no state folder" in result.stderr


def test_a_mended_file_with_a_mistake_is_an_error_that_names_the_line(folder: Path, deadletter: Command) -> None:
    counts(folder)
    mended = folder / "mended.ndjson"
    mended.write_text("{}\n")
    result = deadletter("replay", mended)
    assert result.exit_code == 1
    assert "mended.ndjson:1: not a dead letter" in result.stderr
    assert not list((folder / "state" / "replay").glob("*/*.jsonl"))
