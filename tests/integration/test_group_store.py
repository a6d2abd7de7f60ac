"""The state of shares in a real Elasticsearch: what is read is what was committed, and only one can commit."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from aiwatch.ingest.commit import CheckpointError, Commit
from aiwatch.ingest.contracts import Position, StoppedError
from aiwatch.ingest.decode import Reject
from aiwatch.ingest.group import letters
from aiwatch.ingest.group.contracts import Holding, TakenError
from aiwatch.ingest.group.elasticsearch_store import INDEX, PLACES, WHOLE_EVERY, ElasticsearchShareStore
from aiwatch.ingest.group.share import Share
from aiwatch.ingest.state import Series
from tests.ingest.samples import NOW
from tests.integration.conftest import wipe

SHARE = Share("bot", "chats", 0)
KEY = "bot:kafka:chats"
COUNTER = "ai_interactions_total"


@pytest.fixture
def clean(es: Elasticsearch) -> Elasticsearch:
    wipe(es)
    return es


def store(es: Elasticsearch, group: str = "aiwatch") -> ElasticsearchShareStore:
    return ElasticsearchShareStore(es, group, lambda reason: None)


def hold(es: Elasticsearch, share: Share = SHARE, group: str = "aiwatch") -> Holding:
    return store(es, group).open(share, threading.Event())


def commit(holding: Holding, offset: int, share: Share = SHARE) -> None:
    """Commit an offset, and a counter that follows it; another counter of each tenth."""
    series = {(COUNTER, ("bot",)): Series(float(offset), 1.0)}
    series |= {(COUNTER, (f"bot{offset}",)): Series(1.0, 1.0)} if offset % 10 == 0 else {}
    position = Position(share.stream, KEY, share.place, offset=offset)
    holding.checkpoint.commit(Commit(positions={share.stream: position}, series=series))


def offset(holding: Holding) -> int:
    positions = holding.checkpoint.image.positions_of(KEY)
    return positions[0].offset if positions else -1


def values(holding: Holding) -> dict[str, Any]:
    return {labels[0]: series.value for (_, labels), series in holding.checkpoint.image.series.items()}


def expected(last: int) -> dict[str, Any]:
    return {"bot": float(last)} | {f"bot{each}": 1.0 for each in range(10, last + 1, 10)}


@pytest.mark.parametrize("commits", [1, WHOLE_EVERY - 1, WHOLE_EVERY, PLACES + 3])
def test_the_next_one_goes_on_where_the_last_one_committed(clean: Elasticsearch, commits: int) -> None:
    first = hold(clean)
    assert (offset(first), values(first)) == (-1, {})
    for number in range(1, commits + 1):
        commit(first, number)
    for _ in range(3):
        assert (offset(hold(clean)), values(hold(clean))) == (commits, expected(commits))
    clean.indices.refresh(index=INDEX)
    assert clean.count(index=INDEX)["count"] <= PLACES


def test_who_was_followed_by_another_cannot_commit_any_more_however_much_later(clean: Elasticsearch) -> None:
    first, second = hold(clean), hold(clean)
    commit(second, 5)
    with pytest.raises(TakenError, match="partition chats/0 of bot was taken over"):
        commit(first, 4)
    third = hold(clean)
    for number in range(6, 6 + 2 * PLACES):  # every place has been used again since
        commit(third, number)
    with pytest.raises(TakenError):
        commit(second, 6)
    assert offset(hold(clean)) == 5 + 2 * PLACES


def test_an_attempt_whose_answer_was_lost_is_not_taken_for_anothers(clean: Elasticsearch) -> None:
    class Deaf:
        """Writes, but does not hear the answer of the second document."""

        def __init__(self, client: Elasticsearch) -> None:
            self.client, self.written = client, 0

        def options(self, **options: Any) -> Deaf:
            return self

        def __getattr__(self, name: str) -> Any:
            return getattr(self.client, name)

        def index(self, **arguments: Any) -> Any:
            answer = self.client.index(**arguments)
            self.written += 1
            if self.written == 2:
                raise letters.UnwrittenError("the answer is lost")
            return answer

    deaf: Any = Deaf(clean)
    holding = hold(deaf)
    commit(holding, 3)
    commit(holding, 4)
    assert deaf.written == 3
    assert offset(hold(clean)) == 4


def test_groups_processes_and_partitions_are_kept_apart(clean: Elasticsearch) -> None:
    shares = [SHARE, Share("bot", "chats", 1), Share("other", "chats", 0)]
    for number, share in enumerate(shares):
        commit(hold(clean, share), number, share)
    assert [offset(hold(clean, share)) for share in shares] == [0, 1, 2]
    assert offset(hold(clean, group="other")) == -1


def test_a_state_of_which_documents_are_missing_is_refused(clean: Elasticsearch) -> None:
    holding = hold(clean)
    for number in range(1, 5):
        commit(holding, number)
    clean.delete(index=INDEX, id="aiwatch:bot:chats/0:3")
    with pytest.raises(CheckpointError, match=r"of documents 1 to 5, \[3\] are missing; restore the index"):
        hold(clean)
    clean.delete(index=INDEX, id="aiwatch:bot:chats/0:1")
    with pytest.raises(CheckpointError, match="is not whole"):
        hold(clean)


def test_a_damaged_document_and_one_of_a_later_version_are_refused(clean: Elasticsearch) -> None:
    commit(hold(clean), 1)
    clean.update(index=INDEX, id="aiwatch:bot:chats/0:2", doc={"blob": "bm90aGluZw=="})
    with pytest.raises(
        CheckpointError, match="document 2 of partition chats/0 of bot in aiwatch-checkpoints is damaged"
    ):
        hold(clean)
    clean.update(index=INDEX, id="aiwatch:bot:chats/0:2", doc={"version": 2})
    with pytest.raises(CheckpointError, match="has version 2, this aiwatch writes 1"):
        hold(clean)


def test_it_is_known_whether_anything_was_ever_kept(clean: Elasticsearch) -> None:
    assert store(clean).begun
    assert not store(clean).begun


def test_a_commit_without_elasticsearch_waits_until_it_is_told_to_stop(clean: Elasticsearch) -> None:
    stop = threading.Event()

    class Gone:
        def options(self, **options: Any) -> Gone:
            return self

        def __getattr__(self, name: str) -> Any:
            return getattr(clean, name)

        def index(self, **arguments: Any) -> Any:
            if self.gone:
                stop.set()
                raise letters.UnwrittenError("gone")
            return clean.index(**arguments)

        gone = False

    gone: Any = Gone()
    holding = store(gone).open(SHARE, stop)
    gone.gone = True
    with pytest.raises(StoppedError):
        commit(holding, 1)


@pytest.fixture
def box(clean: Elasticsearch) -> letters.ElasticsearchLetters:
    store(clean)
    return letters.ElasticsearchLetters(clean, "aiwatch", threading.Event(), lambda reason: None)


def reject(offset: int, line: bytes = b"{") -> Reject:
    return Reject("bot", KEY, "not_json", "truncated", SHARE.place, SHARE.stream, offset, line)


def test_a_line_that_is_rejected_again_is_one_letter(clean: Elasticsearch, box: letters.ElasticsearchLetters) -> None:
    assert box.append([reject(1), reject(2, b"\xff\xfe")], NOW) == 0
    assert box.append([reject(2, b"\xff\xfe"), reject(3)], NOW) == 0
    assert box.append([], NOW) == 0
    clean.indices.refresh(index=letters.INDEX)
    found = sorted(letters.read_letters(clean, "aiwatch"), key=lambda letter: letter.offset)
    assert [(letter.offset, letter.content) for letter in found] == [(1, b"{"), (2, b"\xff\xfe"), (3, b"{")]
    assert found[0].reason == "not_json"
    assert list(letters.read_letters(clean, "other")) == []
