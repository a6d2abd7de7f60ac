from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aiwatch.ingest.commit import CheckpointError, Commit
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.group.share import Share
from aiwatch.ingest.group.sqlite_store import SqliteShareStore

ONE, TWO = Share("bot", "chats", 0), Share("bot", "chats", 1)


def position(share: Share, offset: int) -> Position:
    return Position(share.stream, "bot:kafka:chats", share.place, offset=offset)


def test_each_share_has_a_state_of_its_own_that_outlives_the_exporter(tmp_path: Path) -> None:
    for offset in (5, 9):
        store = SqliteShareStore(tmp_path, "aiwatch")
        assert store.begun is (offset == 5)
        held = store.open(ONE, threading.Event())
        assert [each.offset for each in held.checkpoint.image.positions_of("bot:kafka:chats")] == (
            [] if offset == 5 else [5]
        )
        held.checkpoint.commit(Commit(positions={ONE.stream: position(ONE, offset)}))
        held.close()
    other = SqliteShareStore(tmp_path, "aiwatch").open(TWO, threading.Event())
    assert other.checkpoint.image.positions_of("bot:kafka:chats") == []
    other.close()


def test_a_share_is_held_once(tmp_path: Path) -> None:
    store = SqliteShareStore(tmp_path, "aiwatch")
    held = store.open(ONE, threading.Event())
    with pytest.raises(CheckpointError, match="in use"):
        store.open(ONE, threading.Event())
    held.close()
    store.open(ONE, threading.Event()).close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("a file")
    with pytest.raises(CheckpointError, match="cannot be used"):
        SqliteShareStore(tmp_path, "aiwatch").open(ONE, threading.Event())
