from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aiwatch.ingest.checkpoint import Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.group.image import Change, DamagedError, Image, change_of, pack, unpack
from aiwatch.ingest.state import Series
from aiwatch.kinds.base import Histogram

COUNTER = ("ai_interactions_total", ("bot", "1", "refund", "answered"))
LATENCY = ("ai_latency_seconds", ("bot", "1"))


def position(offset: int) -> Position:
    return Position("kafka:chats/0", "bot:kafka:chats", "chats/0", offset=offset)


def full() -> Commit:
    histogram = Histogram((0.5,), [1, 2], 3.25, {1: ("t1", 0.75, 9.0)})
    return Commit(
        positions={"kafka:chats/0": position(7)},
        forgotten_streams=["gone"],
        series={COUNTER: Series(3.0, 10.0), LATENCY: Series(histogram, 11.0)},
        sessions={"bot": {"a": 1.0, "b": 5.0}},
        forgotten_sessions={"bot": 2.0},
        joins=[Join("bot:f1", "bot:e1", {"rating": "up"}, 4.0)],
        joined=["bot:f0"],
        shown_until=12.0,
    )


def looked_at(image: Image) -> dict[str, Any]:
    return {
        "positions": image.positions,
        "series": {key: (series.value, series.born) for key, series in image.series()},
        "sessions": image.sessions,
        "joins": image.joins,
        "shown_until": image.shown_until,
    }


def applied(*changes: Change) -> Image:
    image = Image()
    for change in changes:
        image.apply(unpack(pack(change)))
    return image


def test_everything_that_a_commit_changes_is_kept() -> None:
    kept = {field.name for field in msgspec.structs.fields(Change)}
    assert kept == {field.name for field in msgspec.structs.fields(Commit)} - {"dead_letter_bytes"}
    image = applied(change_of(full()))
    assert looked_at(image) == {
        "positions": {"kafka:chats/0": position(7)},
        "series": {COUNTER: (3.0, 10.0), LATENCY: (full().series[LATENCY].value, 11.0)},
        "sessions": {"bot": {"b": 5.0}},
        "joins": {"bot:f1": full().joins[0]},
        "shown_until": 12.0,
    }


def test_later_changes_replace_and_remove() -> None:
    later = Commit(
        positions={"kafka:chats/0": position(9)},
        series={COUNTER: Series(4.0, 10.0)},
        joined=["bot:f1"],
        shown_until=None,
    )
    image = applied(change_of(full()), change_of(later))
    assert image.positions == {"kafka:chats/0": position(9)}
    assert dict(image.series())[COUNTER].value == 4.0
    assert dict(image.series())[LATENCY].value == full().series[LATENCY].value
    assert image.joins == {}
    assert image.shown_until == 12.0
    assert applied(change_of(full()), change_of(Commit(forgotten_streams=["kafka:chats/0"]))).positions == {}


def test_the_whole_state_is_one_change_of_nothing() -> None:
    image = applied(change_of(full()), change_of(Commit(sessions={"bot": {"c": 6.0}})))
    assert looked_at(applied(image.whole())) == looked_at(image)


def test_what_was_given_to_a_pipeline_can_be_altered_without_altering_the_image() -> None:
    image = applied(change_of(full()))
    for _, series in image.series():
        series.born = 99.0
    assert {series.born for _, series in image.series()} == {10.0, 11.0}


@pytest.mark.parametrize("data", [b"", b"nothing", pack(Change())[:-3]])
def test_bytes_that_are_no_change_are_told(data: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(data)
