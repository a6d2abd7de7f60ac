"""`aiwatch checkpoint`: verify, reset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aiwatch.cli import main
from aiwatch.ingest.checkpoint import Checkpoint
from tests.commands.test_export import _signals_stay_with_pytest, counts, folder, interaction, write
from tests.ingest.samples import lines

__all__ = ["_signals_stay_with_pytest", "folder"]

Command = Callable[..., Result]


@pytest.fixture
def checkpoint(folder: Path) -> Command:
    def invoke(command: str, *arguments: str, answer: str = "") -> Result:
        options = [f"--state={folder}/state", *arguments]
        return CliRunner().invoke(main, ["checkpoint", command, *options], input=answer)

    return invoke


@pytest.fixture
def state(folder: Path) -> Path:
    write(folder, lines(interaction(), interaction(id="b", session="s"), b"nonsense"))
    counts(folder)
    return folder / "state"


def test_verify_says_what_is_in_a_sound_checkpoint(folder: Path, state: Path, checkpoint: Command) -> None:
    write(folder, lines(interaction(id="c")))
    result = checkpoint("verify")
    assert result.exit_code == 0, result.stderr
    said = result.stdout
    assert f"{state}/checkpoint.sqlite is sound\n" in said
    assert f"{folder}/logs/bot/a.jsonl, byte " in said
    assert " bytes to be read\n" in said
    assert "  1 open sessions\n" in said
    assert "  1 dead letters\n" in said


def test_verify_of_a_damaged_checkpoint_fails_and_says_what_to_do(state: Path, checkpoint: Command) -> None:
    path = state / "checkpoint.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))
    result = checkpoint("verify")
    assert result.exit_code == 1
    assert f"aiwatch checkpoint reset --state {state}" in result.stderr
    assert path.read_bytes()[4096:4100] == b"\xaa" * 4


def test_verify_and_reset_of_one_in_use_or_missing_fail(folder: Path, checkpoint: Command) -> None:
    for command in (("verify",), ("reset", "--yes")):
        missing = checkpoint(*command)
        assert missing.exit_code == 1
        assert not (folder / "state" / "checkpoint.sqlite").exists()
        with Checkpoint(folder / "used"):
            used = checkpoint(*command, f"--state={folder}/used")
        assert used.exit_code == 1
        assert "in use by another exporter: stop it" in used.stderr


def test_reset_asks_first_and_without_a_yes_nothing_changes(state: Path, checkpoint: Command) -> None:
    before = sorted(state.iterdir())
    result = checkpoint("reset", answer="n\n")
    assert result.exit_code == 1
    assert "reads all logs that are there from their beginning" in result.stdout
    assert sorted(state.iterdir()) == before


def test_after_a_reset_all_logs_are_read_from_their_beginning(folder: Path, state: Path, checkpoint: Command) -> None:
    assert counts(folder)["lines"] == 0
    result = checkpoint("reset", answer="y\n")
    assert result.exit_code == 0, result.stderr
    (place,) = state.glob("checkpoint-*")
    assert f"checkpoint.sqlite, dead-letters.ndjson moved to {place}\n" in result.stdout
    assert len((place / "dead-letters.ndjson").read_bytes().splitlines()) == 1
    assert counts(folder)["lines"] == 3
    letters = (state / "dead-letters.ndjson").read_bytes().splitlines()
    assert [json.loads(letter)["reason"] for letter in letters] == ["not_json"]
