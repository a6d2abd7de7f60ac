"""The checkpoint: everything or nothing, one holder, and no silent new beginning."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from aiwatch.ingest.checkpoint import Checkpoint, move_away
from aiwatch.ingest.commit import CheckpointError, Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.examine import examine
from aiwatch.ingest.image import pack
from aiwatch.ingest.state import Key, Series
from aiwatch.kinds.base import Histogram

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POSITION = Position("5a", "bot:bot/*.jsonl", "/logs/a.jsonl", 1, 2, "ff", 2, 100)
JOIN = Join("bot:f1", "bot:e1", {"rating": "up"}, 5.0)
HISTOGRAM = Histogram((0.5,), [1, 2], 3.5, {1: ("trace", 2.0, 9.0)})
SERIES = {("ai_a_total", ("bot", "é")): Series(5, 1.0), ("ai_h", ("bot",)): Series(HISTOGRAM, 2.0)}
COMMIT = Commit(
    positions={"5a": POSITION},
    series=SERIES,
    sessions={"bot": {"s1": 10.0, "s2": 20.0}},
    joins=[JOIN],
    dead_letter_bytes=77,
    shown_until=12.5,
)


def everything(checkpoint: Checkpoint) -> tuple[object, ...]:
    series = {key: (held.value, held.born) for key, held in checkpoint.image.series.items()}
    facts = (checkpoint.image.dead_letter_bytes, checkpoint.image.shown_until)
    return (
        checkpoint.image.positions_of(POSITION.source),
        series,
        checkpoint.image.sessions.get("bot", {}),
        checkpoint.image.waiting_joins(),
        facts,
    )


def everything_of_commit() -> tuple[object, ...]:
    series = {key: (held.value, held.born) for key, held in SERIES.items()}
    return [POSITION], series, {"s1": 10.0, "s2": 20.0}, [JOIN], (77, 12.5)


def test_what_is_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "state") as checkpoint:
        checkpoint.commit(COMMIT)
    with Checkpoint(tmp_path / "state") as checkpoint:
        assert everything(checkpoint) == everything_of_commit()
        assert checkpoint.image.positions_of("other") == []


def test_a_new_checkpoint_is_empty(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        assert everything(checkpoint) == ([], {}, {}, [], (0, 0.0))


def test_what_is_done_with_is_dropped(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        checkpoint.commit(COMMIT)
        checkpoint.commit(Commit(forgotten_streams=["5a"], forgotten_sessions={"bot": 15.0}, joined=["bot:f1"]))
        assert checkpoint.image.positions_of(POSITION.source) == []
        assert checkpoint.image.sessions["bot"] == {"s2": 20.0}
        assert checkpoint.image.waiting_joins() == []
        assert checkpoint.image.dead_letter_bytes == 77


def test_of_a_commit_that_fails_nothing_is_kept(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        checkpoint.commit(COMMIT)
        before = everything(checkpoint)
        bad = Commit(positions={"5b": POSITION}, series={("x", ()): Series(object(), 1.0)})
        with pytest.raises(TypeError):
            checkpoint.commit(bad)
        assert everything(checkpoint) == before
        checkpoint.commit(Commit(dead_letter_bytes=78))
        assert checkpoint.image.dead_letter_bytes == 78


def test_a_second_exporter_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with Checkpoint(tmp_path), pytest.raises(CheckpointError, match="in use by another exporter: stop it"):
        Checkpoint(tmp_path)
    Checkpoint(tmp_path).close()


def test_where_the_lock_was_deleted_only_one_of_two_goes_on(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as first:
        (tmp_path / "lock").unlink()
        with Checkpoint(tmp_path) as second:
            second.commit(COMMIT)
            with pytest.raises(sqlite3.IntegrityError):
                first.commit(Commit(dead_letter_bytes=78))
            second.commit(Commit(dead_letter_bytes=79))
    with Checkpoint(tmp_path) as checkpoint:
        assert checkpoint.image.dead_letter_bytes == 79


def damage_by_emptying(path: Path) -> None:
    path.write_bytes(b"")


def damage_by_garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def damage_by_truncation(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5000:9000] = b"\xaa" * 4000
    path.write_bytes(content)


def damage_by_another_program(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (text)")
    db.commit()
    db.close()


@pytest.mark.parametrize(
    "damage",
    [
        damage_by_emptying,
        damage_by_garbage,
        damage_by_truncation,
        damage_in_the_middle,
        damage_by_another_program,
    ],
)
def test_a_damaged_checkpoint_is_an_error_and_left_as_it_is(tmp_path: Path, damage: object) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        many = {("ai_a_total", ("bot", str(n))): Series(float(n), 1.0) for n in range(3000)}
        checkpoint.commit(Commit(positions={"5a": POSITION}, series=many))
        path = checkpoint.path
    damage(path)  # type: ignore[operator]
    content = path.read_bytes()
    for _ in range(2):
        with pytest.raises(
            CheckpointError, match=r"checkpoint.sqlite cannot be used .* nothing was read. Restore it"
        ) as e:
            Checkpoint(tmp_path)
    for command in ("verify", "reset"):
        assert f"`aiwatch checkpoint {command} --state {tmp_path}`" in str(e.value)
    assert path.read_bytes() == content


def lose(log: Path) -> None:
    log.unlink()


def cut(log: Path) -> None:
    os.truncate(log, log.stat().st_size - 1)


def turn_a_bit(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[5000] ^= 1
    log.write_bytes(content)


@pytest.mark.parametrize("damage", [lose, cut, turn_a_bit])
def test_without_the_whole_log_of_sqlite_nothing_begins_at_an_older_state_until_that_is_wanted(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    state = tmp_path / "state"
    with Checkpoint(tmp_path / "running") as checkpoint:
        for number in range(3):
            checkpoint.commit(Commit(dead_letter_bytes=number))
        shutil.copytree(tmp_path / "running", state)  # as after a kill: the commits are in SQLite's log alone
    damage(state / "checkpoint.sqlite-wal")
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"cannot be used \(its last \d changes are missing: .*-wal was lost"):
            Checkpoint(state)
    assert "changes are missing" in examine(state).problems[0]
    (state / "checkpoint.last").unlink()
    Checkpoint(state).close()


@pytest.mark.parametrize("note", [b"", b"0" * 20, b"\0" * 20, b"00000000000000000001"])
def test_a_note_of_the_last_change_that_a_crash_left_behind_or_empty_does_no_harm(tmp_path: Path, note: bytes) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        checkpoint.commit(COMMIT)
        checkpoint.commit(Commit(dead_letter_bytes=78))
    (tmp_path / "checkpoint.last").write_bytes(note)
    with Checkpoint(tmp_path) as checkpoint:
        assert checkpoint.image.dead_letter_bytes == 78


def test_no_bit_that_turned_makes_another_state(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as checkpoint:
        for number in range(40):
            checkpoint.commit(Commit(positions={"5a": POSITION}, dead_letter_bytes=number))
        whole, path = everything(checkpoint), checkpoint.path
    content = path.read_bytes()
    chance = random.Random(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            with Checkpoint(tmp_path) as checkpoint:
                assert everything(checkpoint) == whole
        except CheckpointError:
            refused += 1
    assert refused > 20


VERSION_1 = """
CREATE TABLE positions (stream TEXT PRIMARY KEY, source TEXT NOT NULL, position BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE series (key BLOB PRIMARY KEY, born REAL NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (process TEXT NOT NULL, session TEXT NOT NULL, last_seen REAL NOT NULL,
                       PRIMARY KEY (process, session)) WITHOUT ROWID;
CREATE TABLE joins (feedback TEXT PRIMARY KEY, since REAL NOT NULL, patch BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value NUMERIC NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def write_version_1(folder: Path) -> None:
    """Write what `COMMIT` holds as the first aiwatch did."""
    pack = msgspec.msgpack.encode
    db = sqlite3.connect(folder / "checkpoint.sqlite", isolation_level=None)
    db.executescript(VERSION_1)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("INSERT INTO positions VALUES (?, ?, ?)", ("5a", POSITION.source, pack(POSITION)))
    series = [(pack([name, *labels]), held.born, pack(held.value)) for (name, labels), held in SERIES.items()]
    db.executemany("INSERT INTO series VALUES (?, ?, ?)", series)
    db.executemany("INSERT INTO sessions VALUES ('bot', ?, ?)", [("s1", 10.0), ("s2", 20.0)])
    db.execute("INSERT INTO joins VALUES (?, ?, ?)", (JOIN.feedback, JOIN.since, pack(JOIN)))
    db.executemany("INSERT INTO facts VALUES (?, ?)", [("dead_letter_bytes", 77), ("shown_until", 12.5)])
    db.close()


def test_a_checkpoint_of_version_1_is_looked_at_as_it_is_and_then_taken_over_for_good(tmp_path: Path) -> None:
    write_version_1(tmp_path)
    content = (tmp_path / "checkpoint.sqlite").read_bytes()
    found = examine(tmp_path)
    assert (len(found.places), found.series, found.sessions, found.joins) == (1, 2, 2, 1)
    assert (tmp_path / "checkpoint.sqlite").read_bytes() == content
    for _ in range(2):
        with Checkpoint(tmp_path) as checkpoint:
            assert everything(checkpoint) == everything_of_commit()
            checkpoint.commit(Commit(dead_letter_bytes=77))
    with contextlib.closing(sqlite3.connect(tmp_path / "checkpoint.sqlite")) as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("changes",)]


def test_a_checkpoint_of_version_2_is_taken_over(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "checkpoint.sqlite")) as db, db:
        db.execute("CREATE TABLE changes (number INTEGER PRIMARY KEY, change BLOB NOT NULL)")
        rows = [(pack(COMMIT),), (pack(Commit(dead_letter_bytes=78)),)]
        db.executemany("INSERT INTO changes (change) VALUES (?)", rows)
        db.execute("PRAGMA user_version = 2")
    assert (examine(tmp_path).series, examine(tmp_path).problems) == (2, [])
    for _ in range(2):
        with Checkpoint(tmp_path) as checkpoint:
            assert checkpoint.image.dead_letter_bytes == 78
            assert checkpoint.image.series == SERIES
            checkpoint.commit(Commit(dead_letter_bytes=78))


def test_a_damaged_row_of_version_1_is_an_error_and_nothing_is_taken_over(tmp_path: Path) -> None:
    write_version_1(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "checkpoint.sqlite")) as db, db:
        db.execute("UPDATE joins SET patch = x'c1'")
    for _ in range(2):
        with pytest.raises(CheckpointError, match="cannot be used"):
            Checkpoint(tmp_path)
    assert len(examine(tmp_path).problems) == 1


def test_the_file_holds_at_most_a_few_times_everything_however_many_commits_there_were(tmp_path: Path) -> None:
    chance = random.Random(1)
    expected: dict[Key, float] = {}
    with Checkpoint(tmp_path) as checkpoint:
        for number in range(60):
            chosen = {("ai_a_total", ("bot", str(chance.randrange(20_000)))): float(number) for _ in range(2000)}
            checkpoint.commit(Commit(series={key: Series(value, 1.0) for key, value in chosen.items()}))
            expected |= chosen
        size = checkpoint.path.stat().st_size
    with Checkpoint(tmp_path) as checkpoint:
        assert {key: held.value for key, held in checkpoint.image.series.items()} == expected
        everything = len(pack(checkpoint.image.whole()))
    assert size < 4 * everything + 2 * 2**20


def test_a_checkpoint_of_a_newer_aiwatch_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path).close()
    with sqlite3.connect(tmp_path / "checkpoint.sqlite") as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    with pytest.raises(CheckpointError, match="has version 9, this aiwatch writes 3"):
        Checkpoint(tmp_path)


def test_after_the_file_was_moved_away_its_leftovers_do_no_harm(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "a")
    first.commit(COMMIT)
    (tmp_path / "b").mkdir()
    for name in ("checkpoint.sqlite-wal", "checkpoint.sqlite-shm"):  # as after a kill and a mv of the main file
        shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    first.close()
    with Checkpoint(tmp_path / "b") as checkpoint:
        assert everything(checkpoint) == ([], {}, {}, [], (0, 0.0))


def test_beside_a_new_checkpoint_the_dead_letters_of_an_earlier_one_are_kept(tmp_path: Path) -> None:
    Checkpoint(tmp_path).close()
    (tmp_path / "dead-letters.ndjson").write_text("letters\n")
    Checkpoint(tmp_path).close()
    assert (tmp_path / "dead-letters.ndjson").read_text() == "letters\n"
    (tmp_path / "checkpoint.sqlite").unlink()
    Checkpoint(tmp_path).close()
    assert not (tmp_path / "dead-letters.ndjson").exists()
    (kept,) = tmp_path.glob("dead-letters-*.ndjson")
    assert kept.read_text() == "letters\n"


def test_moved_away_it_is_complete_even_after_a_kill_and_can_be_moved_back(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "a")
    first.commit(COMMIT)
    state = tmp_path / "b"
    shutil.copytree(tmp_path / "a", state)  # as after a kill: the commit is in SQLite's log alone
    (state / "dead-letters.ndjson").write_text("letters\n")
    first.close()
    place = move_away(state, NOW)
    assert {file.name for file in place.iterdir()} == {
        "checkpoint.last",
        "checkpoint.sqlite",
        "checkpoint.sqlite-wal",
        "dead-letters.ndjson",
    }
    assert {file.name for file in state.iterdir()} == {"lock", place.name}
    with Checkpoint(place) as checkpoint:
        assert everything(checkpoint) == everything_of_commit()
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        move_away(state, NOW)


def test_what_an_exporter_holds_is_not_moved_away(tmp_path: Path) -> None:
    with Checkpoint(tmp_path), pytest.raises(CheckpointError, match="in use by another exporter"):
        move_away(tmp_path, NOW)
    assert (tmp_path / "checkpoint.sqlite").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk can be made by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_on_a_full_disk_nothing_of_a_commit_is_kept_and_a_later_one_works(small_disk: Path) -> None:
    with Checkpoint(small_disk) as checkpoint:
        checkpoint.commit(Commit(positions={"5a": POSITION}))
        ballast = small_disk / "ballast"
        fill(ballast)
        many = {("ai_a_total", ("bot", str(n))): Series(float(n), 1.0) for n in range(2000)}
        with pytest.raises(sqlite3.OperationalError):
            checkpoint.commit(Commit(positions={"5b": POSITION}, series=many))
        assert checkpoint.image.series == {}
        ballast.unlink()
        checkpoint.commit(Commit(series=dict(list(many.items())[:50])))
        assert len(checkpoint.image.series) == 50


def test_on_a_full_disk_nobody_is_told_that_the_checkpoint_is_damaged(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with pytest.raises((CheckpointError, OSError)) as error:
        Checkpoint(small_disk)
    assert "cannot be used" not in str(error.value)
    (small_disk / "ballast").unlink()
    Checkpoint(small_disk).close()
