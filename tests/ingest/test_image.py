from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aiwatch.ingest.commit import Commit, Join
from aiwatch.ingest.contracts import Position
from aiwatch.ingest.image import DamagedError, Image, pack, unpack
from aiwatch.ingest.profiling import HeldProfile
from aiwatch.ingest.state import Series
from aiwatch.kinds.base import Histogram
from aiwatch.profiles.document import ProfileDocument

COUNTER = ("ai_interactions_total", ("bot", "1", "refund", "answered"))
LATENCY = ("ai_latency_seconds", ("bot", "1"))


def position(offset: int) -> Position:
    return Position("kafka:chats/0", "bot:kafka:chats", "chats/0", offset=offset)


def profile(part: str) -> HeldProfile:
    hour = datetime(2026, 3, 2, 8, tzinfo=UTC)
    document = ProfileDocument(
        time=hour, process="bot", model_version="1", baseline="b", end=hour, rows=3, part=part, packed="x"
    )
    return HeldProfile(6.0, document)


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
        dead_letter_bytes=77,
        shown_until=12.0,
        profiles=[profile("p1")],
        forgotten_profiles=["p0"],
    )


def looked_at(image: Image) -> dict[str, Any]:
    return {
        "positions": image.positions,
        "series": {key: (series.value, series.born) for key, series in image.series.items()},
        "sessions": image.sessions,
        "joins": image.joins,
        "profiles": image.profiles,
        "dead_letter_bytes": image.dead_letter_bytes,
        "shown_until": image.shown_until,
    }


def applied(*commits: Commit) -> Image:
    return Image.of(unpack(pack(commit)) for commit in commits)


def test_everything_that_a_commit_changes_is_written_and_kept() -> None:
    unchanged = Commit()
    assert all(getattr(full(), name) != getattr(unchanged, name) for name in Commit.__struct_fields__)
    assert unpack(pack(full())) == full()
    assert looked_at(applied(full())) == {
        "positions": {"kafka:chats/0": position(7)},
        "series": {COUNTER: (3.0, 10.0), LATENCY: (full().series[LATENCY].value, 11.0)},
        "sessions": {"bot": {"b": 5.0}},
        "joins": {"bot:f1": full().joins[0]},
        "profiles": {"p1": profile("p1")},
        "dead_letter_bytes": 77,
        "shown_until": 12.0,
    }


def test_later_changes_replace_and_remove() -> None:
    later = Commit(
        positions={"kafka:chats/0": position(9)},
        series={COUNTER: Series(4.0, 10.0)},
        joined=["bot:f1"],
        shown_until=None,
    )
    image = applied(full(), later)
    assert image.positions == {"kafka:chats/0": position(9)}
    assert image.series[COUNTER].value == 4.0
    assert image.series[LATENCY].value == full().series[LATENCY].value
    assert image.joins == {}
    assert image.shown_until == 12.0
    assert applied(full(), Commit(forgotten_streams=["kafka:chats/0"])).positions == {}


def test_the_whole_state_is_one_change_of_nothing() -> None:
    image = applied(full(), Commit(sessions={"bot": {"c": 6.0}}))
    assert looked_at(applied(image.whole())) == looked_at(image)


@pytest.mark.parametrize("data", [b"", b"nothing", pack(full())[:-3]])
def test_bytes_that_are_no_change_are_told(data: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(data)
