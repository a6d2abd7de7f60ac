from __future__ import annotations

from aiwatch.ingest.contracts import Block
from aiwatch.ingest.sources.kafka import KafkaSource


def source(offset: int = 0, max_line: int = 100) -> KafkaSource:
    return KafkaSource("bot:kafka:chats", "kafka:chats/0", "chats/0", offset, max_line=max_line)


def read(each: KafkaSource, limit: int = 10_000) -> Block:
    block = each.read(limit)
    assert block is not None
    return block


def test_messages_become_lines_with_their_offsets() -> None:
    each = source(5)
    each.put([(5, b"a"), (6, b"b"), (9, b"c")])
    block = read(each)
    assert (block.stream, block.start, block.data, block.offsets) == ("kafka:chats/0", 5, b"a\nb\nc\n", (5, 6, 9))
    assert (block.position.source, block.position.offset) == ("bot:kafka:chats", 10)
    assert each.read(10_000) is None


def test_a_block_has_about_the_size_that_is_asked_for_and_the_rest_follows() -> None:
    each = source()
    each.put([(offset, b"x" * 9) for offset in range(10)])
    blocks = [read(each, 25) for _ in range(4)]
    assert [block.offsets for block in blocks] == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9,)]
    assert [block.position.offset for block in blocks] == [3, 6, 9, 10]


def test_newlines_within_a_message_become_spaces() -> None:
    each = source()
    each.put([(0, b'{\n"n": 1\n}\n'), (1, b"b")])
    assert read(each).data == b'{ "n": 1 } \nb\n'


def test_a_message_that_is_put_again_is_left_out() -> None:
    each = source(3)
    each.put([(2, b"before"), (3, b"a"), (4, b"b")])
    each.put([(3, b"a"), (4, b"b"), (5, b"c")])
    assert read(each).data == b"a\nb\nc\n"


def test_tombstones_are_passed_over_and_the_position_with_them() -> None:
    each = source()
    each.put([(0, None), (1, None)])
    block = read(each)
    assert (block.data, block.position.offset) == (b"", 2)
    each.put([(2, b"a"), (3, None)])
    assert read(each).position.offset == 4


def test_what_a_transaction_leaves_at_the_end_does_not_wait_for_ever() -> None:
    each = source()
    each.put([(0, b"a")])
    each.expect(2)
    assert read(each).position.offset == 1
    assert each.lag_bytes() == 1
    each.reached_end(2)
    assert each.lag_bytes() == 0
    assert read(each).position.offset == 2


def test_a_message_that_is_too_long_is_reported_and_not_carried_on() -> None:
    each = source(max_line=10)
    each.put([(0, b"a"), (1, b"x" * 11), (2, b"b")])
    block = read(each)
    assert (block.data, block.offsets) == (b"a\nb\n", (0, 2))
    assert [(long.offset, long.length) for long in block.oversized] == [(1, 11)]


def test_the_lag_is_what_waits_here_and_an_estimate_of_what_is_with_the_broker() -> None:
    each = source()
    each.put([(0, b"x" * 10), (1, b"x" * 30)])
    each.expect(7)
    assert each.lag_bytes() == 40 + 5 * 20
    read(each)
    assert each.lag_bytes() == 5 * 20


def test_only_what_is_committed_counts_as_durable() -> None:
    each = source(4)
    each.put([(4, b"a")])
    block = read(each)
    assert each.committed_offset == 4
    each.committed(block.position)
    assert each.committed_offset == 5
