"""A look at a checkpoint: what is in it, what is wrong with it, and nothing is changed by looking."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from aiwatch.ingest.checkpoint import Checkpoint
from aiwatch.ingest.commit import CheckpointError, Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.examine import compare, examine
from aiwatch.ingest.sources.jsonl import JsonlSource
from aiwatch.ingest.state import Series


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "a.jsonl"
    log.write_text('{"n": 1}\n{"n": 2}\n')
    return log


@pytest.fixture
def position(log: Path) -> Position:
    """The position of a log that has been read."""
    source = JsonlSource("bot", str(log), [])
    *_, last = iter(lambda: source.read(2**16), None)
    source.close()
    return last.position


@pytest.fixture
def state(tmp_path: Path, position: Position) -> Path:
    state = tmp_path / "state"
    with Checkpoint(state) as checkpoint:
        checkpoint.commit(
            Commit(
                positions={position.stream: position},
                series={("ai_a_total", ("bot", str(number))): Series(1.0, 2.0) for number in range(2000)},
                sessions={"bot": {"s1": 1.0, "s2": 2.0}},
                joins=[Join("bot:f", "bot:e", {"rating": "up"}, 5.0)],
            )
        )
    return state


def test_a_sound_checkpoint_is_counted_and_left_as_it_is(state: Path) -> None:
    before = {file.name: file.read_bytes() for file in state.iterdir()}
    found = examine(state)
    assert (found.series, found.sessions, found.joins, found.dead_letters) == (2000, 2, 1, 0)
    assert [place.words for place in found.places] == ["all read"]
    assert (found.problems, found.notes) == ([], [])
    after = {file.name: file.read_bytes() for file in state.iterdir()}
    assert before.items() <= after.items()


def test_what_is_only_in_the_log_of_sqlite_after_a_kill_is_seen_and_stays_there(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from aiwatch.ingest.checkpoint import Checkpoint, Commit\n"
        "Checkpoint(Path(sys.argv[1])).commit(Commit(sessions={'bot': {'s': 1.0}})); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    log = tmp_path / "checkpoint.sqlite-wal"
    before = log.read_bytes()
    assert examine(tmp_path).sessions == 1
    assert log.read_bytes() == before


def test_the_files_that_are_there_now_are_held_against_the_positions(log: Path, position: Position) -> None:
    assert compare(position) == "all read"
    with log.open("a") as file:
        file.write('{"n": 3}\n')
    assert compare(position) == "9 bytes to be read"
    log.write_text('{"m": 1}\n{"m": 2}\n{"m": 3}\n')
    assert compare(position).startswith("holds other lines")
    log.write_text('{"n": 1}\n')
    assert compare(position).startswith("holds fewer bytes than were read")
    log.unlink()
    assert compare(position) == "not there now: looked for beside it by its content"
    assert compare(Position("s", "k", "topic")) == "not a file: not compared"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE changes SET change = x'c1' WHERE number = 2", "change 2 cannot be read"),
        ("UPDATE changes SET change = 'text' WHERE number = 2", "change 2 cannot be read"),
        ("DELETE FROM changes WHERE number = 1", "change 2 cannot be read"),
        ("DELETE FROM changes WHERE number = 2", "its last 1 changes are missing"),
    ],
)
def test_damage_is_told_and_an_exporter_does_not_begin_with_it(state: Path, damage: str, told: str) -> None:
    with Checkpoint(state) as checkpoint:
        checkpoint.commit(Commit(dead_letter_bytes=0))
    with sqlite3.connect(state / "checkpoint.sqlite") as db:
        db.execute(damage)
    db.close()
    assert [problem.split(":")[0] for problem in examine(state).problems] == [told]
    with pytest.raises(CheckpointError, match=f"cannot be used .{told}"):
        Checkpoint(state)


def is_found_damaged(state: Path) -> bool:
    try:
        return bool(examine(state).problems)
    except CheckpointError as error:
        return "cannot be used" in str(error)


def test_damage_of_the_file_is_told_or_an_error(state: Path) -> None:
    path = state / "checkpoint.sqlite"
    content = path.read_bytes()
    for start in range(4096, len(content) - 4096, 4096):
        path.write_bytes(content[:start] + os.urandom(4096) + content[start + 4096 :])
        assert is_found_damaged(state)


def test_letters_that_are_gone_or_not_committed_are_noted(state: Path) -> None:
    letters = state / "dead-letters.ndjson"
    with Checkpoint(state) as checkpoint:
        checkpoint.commit(Commit(dead_letter_bytes=10))
    assert examine(state).notes == ["10 bytes of dead letters are gone: somebody moved or deleted them"]
    letters.write_text("{}\n")
    assert "dead-letters.ndjson:1: not a dead letter" in examine(state).problems[0]


def test_none_and_one_in_use_are_errors(tmp_path: Path, state: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        examine(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with Checkpoint(state), pytest.raises(CheckpointError, match="in use by another exporter"):
        examine(state)
