"""Lines, blocks and positions of files that stay what they are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiwatch.ingest.contracts import Oversized
from aiwatch.ingest.sources.jsonl import JsonlSource
from aiwatch.ingest.sources.opened import PlainFile
from tests.ingest.sources.consuming import Consumer


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[Consumer]:
    consumer = Consumer(tmp_path / "*.jsonl")
    yield consumer
    consumer.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_new_file_is_announced_before_its_first_line_and_both_say_the_same_stream(log: Path, consumer: Consumer):
    log.write_bytes(b"1\n2\n")

    announced, block = consumer.poll(), consumer.poll()

    assert announced is not None
    assert block is not None
    assert (announced.data, announced.position.offset, announced.oversized) == (b"", 0, ())
    assert (block.stream, block.start, block.data) == (announced.stream, 0, b"1\n2\n")
    assert block.position.offset == 4
    assert block.position.source == "chat"
    assert consumer.poll() is None


def test_lines_that_are_appended_come_once_and_at_their_offsets(log: Path, consumer: Consumer):
    log.write_bytes(b"one\n")
    assert consumer.drain() == [b"one"]
    append(log, b"two\nthree\n")
    assert consumer.drain() == [b"two", b"three"]
    assert [offset for _, offset in consumer.places] == [0, 4, 8]
    assert len({stream for stream, _ in consumer.places}) == 1


def test_a_last_line_without_newline_waits_for_its_end(log: Path, consumer: Consumer):
    log.write_bytes(b"one\ntw")
    assert consumer.drain() == [b"one"]
    assert consumer.source.lag_bytes() == 2
    append(log, b"o")
    assert consumer.drain() == []
    append(log, b"\n")
    assert consumer.drain() == [b"two"]
    assert consumer.source.lag_bytes() == 0


@pytest.mark.parametrize(
    "content",
    [b"a\r\nb\r\n", b"\xef\xbb\xbf1\n2\n", b"\n\n\n", b"a\0b\n\0\n", b"\xff\xfe\n\x80\n", b"a\x0cb\x1c\xc2\x85\n"],
    ids=["CRLF", "BOM", "empty lines", "NULs", "invalid UTF-8", "other line breaks"],
)
def test_bytes_are_delivered_as_they_are(content: bytes, log: Path, consumer: Consumer):
    log.write_bytes(content)
    blocks = list(iter(consumer.poll, None))
    assert b"".join(block.data for block in blocks) == content


def test_what_was_not_committed_comes_again_under_the_same_stream_and_offset(log: Path, consumer: Consumer):
    log.write_bytes(b"one\ntwo\n")
    consumer.poll()
    first = consumer.poll()
    consumer.crash()
    again = consumer.poll()
    assert first is not None
    assert again is not None
    assert (again.stream, again.start, again.data) == (first.stream, 0, b"one\ntwo\n")


def test_a_file_registered_when_it_was_tiny_keeps_its_stream_after_a_kill_and_growth(log: Path, consumer: Consumer):
    log.write_bytes(b'{"')
    announced = consumer.poll()
    assert consumer.poll() is None
    consumer.crash()
    append(log, b'n": 1}\n' + b"x" * 3000 + b"\n")
    assert consumer.drain() == [b'{"n": 1}', b"x" * 3000]
    assert announced is not None
    assert list(consumer.positions) == [announced.stream]


def test_the_first_line_is_registered_before_it_is_delivered_so_that_another_file_cannot_pass_for_it(
    log: Path, consumer: Consumer
):
    log.write_bytes(b"")
    consumer.drain()
    append(log, b"first\n")
    consumer.poll()  # the registration of the first line
    delivered = consumer.poll()
    assert delivered is not None
    assert delivered.data == b"first\n"
    consumer.crash()
    log.write_bytes(b"other\n")  # the same inode
    assert consumer.drain() == [b"other"]
    assert consumer.places[-1][0] != delivered.stream


def test_blocks_keep_to_the_limit_and_cut_at_line_ends(log: Path, consumer: Consumer):
    lines = [b"%05d" % number for number in range(5000)]
    log.write_bytes(b"\n".join(lines) + b"\n")
    consumer.limit = 1000
    blocks = [block for block in iter(consumer.poll, None) if block.data]
    consumer.commit()
    assert max(len(block.data) for block in blocks) <= 1000
    assert all(block.data.endswith(b"\n") for block in blocks)
    assert consumer.lines == lines


def test_a_line_longer_than_the_limit_comes_whole(log: Path, consumer: Consumer):
    log.write_bytes(b"a\n" + b"x" * 300_000 + b"\nb\n")
    assert consumer.drain() == [b"a", b"x" * 300_000, b"b"]


def test_a_line_longer_than_the_limit_is_found_without_reading_far_beyond_it(
    log: Path, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []
    read_at = PlainFile.read_at

    def counted(self: PlainFile, offset: int, size: int) -> bytes:
        sizes.append(size)
        return read_at(self, offset, size)

    monkeypatch.setattr(PlainFile, "read_at", counted)
    consumer.limit = 10
    log.write_bytes((b"x" * 50_000 + b"\n") * 30)
    assert consumer.drain() == [b"x" * 50_000] * 30
    assert sum(sizes) < 4 * log.stat().st_size


@pytest.mark.parametrize("limit", [50, 1000, 65536])
def test_a_line_longer_than_max_line_is_reported_and_passed_over(limit: int, tmp_path: Path, log: Path):
    consumer = Consumer(log, max_line=2000, limit=limit)
    log.write_bytes(b"a\n" + b"y" * 2000 + b"\n" + b"x" * 2001 + b"\nb\n")
    assert consumer.drain() == [b"a", b"y" * 2000, b"b"]
    assert consumer.oversized == [Oversized(2003, 2001, b"x" * 1024)]
    consumer.close()


def test_an_oversized_line_may_come_in_pieces_and_over_a_crash(log: Path):
    consumer = Consumer(log, max_line=100)
    log.write_bytes(b"x" * 150)
    assert consumer.drain() == []
    append(log, b"x" * 5000)
    assert consumer.drain() == []
    consumer.crash()
    append(log, b"x" * 50 + b"\nnext\n")
    assert consumer.drain() == [b"next"]
    assert [(each.offset, each.length) for each in consumer.oversized] == [(0, 5200)]
    consumer.close()


def test_files_take_turns_block_by_block(tmp_path: Path, consumer: Consumer):
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_bytes(b"".join(b"%s%03d\n" % (name.encode(), n) for n in range(100)))
    consumer.limit = 100
    blocks = [block.data[:1] for block in iter(consumer.poll, None) if block.data]
    assert all(set(blocks[turn : turn + 3]) == {b"a", b"b", b"c"} for turn in range(0, 12, 3))


def test_the_rotated_files_of_a_log_are_read_oldest_first_and_to_their_end(tmp_path: Path):
    for age, name in enumerate(["app.jsonl", "app.jsonl.1", "app.jsonl.2"]):
        path = tmp_path / name
        path.write_bytes(b"".join(b"%d %03d\n" % (age, number) for number in range(100)))
        os.utime(path, (1e9 - age, 1e9 - age))
    consumer = Consumer(tmp_path / "app.jsonl*", limit=100)
    ages = [line[:1] for line in consumer.drain()]
    assert ages == [b"2"] * 100 + [b"1"] * 100 + [b"0"] * 100
    consumer.close()


def test_a_pattern_reaches_any_depth(tmp_path: Path):
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "app.jsonl").write_bytes(b"deep\n")
    (tmp_path / "app.jsonl").write_bytes(b"flat\n")
    consumer = Consumer(tmp_path / "**" / "*.jsonl")
    assert sorted(consumer.drain()) == [b"deep", b"flat"]
    consumer.close()


def test_a_file_with_two_names_is_read_once(tmp_path: Path, log: Path, consumer: Consumer):
    log.write_bytes(b"1\n")
    os.link(log, tmp_path / "hard.jsonl")
    (tmp_path / "soft.jsonl").symlink_to(log)
    assert consumer.drain() == [b"1"]
    append(tmp_path / "soft.jsonl", b"2\n")
    assert consumer.drain() == [b"2"]


def test_folders_pipes_and_dead_links_are_passed_over(tmp_path: Path, log: Path, consumer: Consumer):
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "dead.jsonl").symlink_to(tmp_path / "nothing")
    log.write_bytes(b"1\n")
    assert consumer.drain() == [b"1"]


def test_positions_of_other_sources_are_left_alone(log: Path):
    log.write_bytes(b"1\n")
    first = Consumer(log)
    first.drain()
    other = JsonlSource("another", str(log), first.positions.values())
    assert [block.data for block in iter(lambda: other.read(100), None)] == [b"", b"1\n"]
    other.close()
    first.close()


def test_a_folder_that_is_missing_is_a_problem_until_it_is_there(tmp_path: Path):
    consumer = Consumer(tmp_path / "logs" / "*.jsonl")
    assert consumer.drain() == []
    assert "create it" in consumer.source.problems()[str(tmp_path / "logs")]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(b"1\n")
    assert consumer.drain() == [b"1"]
    assert consumer.source.problems() == {}
    consumer.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """File permissions hold, also when the tests run as root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_whose_name_is_not_utf8_waits_for_another_name_while_the_others_go_on(tmp_path: Path) -> None:
    for name in (b"a.jsonl", b"caf\xe9.jsonl"):
        (tmp_path / os.fsdecode(name)).write_bytes(name[:1] + b"\n")
    consumer = Consumer(tmp_path / "*.jsonl")
    assert consumer.drain() == [b"a"]
    (problem,) = consumer.source.problems().values()
    assert problem.startswith("its name is not UTF-8, rename it")
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).rename(tmp_path / "cafe.jsonl")
    assert consumer.drain() == [b"c"]
    (tmp_path / "cafe.jsonl").rename(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    with (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).open("ab") as file:
        file.write(b"d\n")
    assert consumer.drain() == [b"d"]
    assert {position.path for position in consumer.positions.values()} == {
        str(tmp_path / "a.jsonl"),
        str(tmp_path / "cafe.jsonl"),
    }
    consumer.crash()
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).rename(tmp_path / "cafe.jsonl")
    assert consumer.drain() == []
    consumer.close()


def test_an_unreadable_file_is_logged_once_with_what_to_do_while_the_others_go_on(
    open_folder: Path, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
):
    secret, other = open_folder / "secret.jsonl", open_folder / "other.jsonl"
    secret.write_bytes(b"secret\n")
    other.write_bytes(b"1\n")
    secret.chmod(0o000)
    consumer = Consumer(open_folder / "*.jsonl")
    request.getfixturevalue("unprivileged")

    assert consumer.drain() == [b"1"]
    consumer.drain()

    assert list(consumer.source.problems()) == [str(secret)]
    assert len(caplog.records) == 1
    assert str(secret) in caplog.text
    assert "let the exporter's user read it" in caplog.text

    if os.getuid() == 0:
        os.seteuid(0)
    secret.chmod(0o644)
    assert consumer.drain() == [b"secret"]
    assert consumer.source.problems() == {}
    consumer.close()


def test_a_closed_source_holds_no_file_open(tmp_path: Path, consumer: Consumer):
    before = set(os.listdir("/proc/self/fd"))
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_bytes(b"1\n")
    consumer.drain()
    consumer.source.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_file_system_is_looked_at_no_more_often_than_asked(log: Path):
    source = JsonlSource("chat", str(log), [], rescan_every=3600)
    assert source.read(100) is None
    log.write_bytes(b"1\n")
    assert source.read(100) is None
    source.close()


def test_a_line_of_ten_mebibytes_is_read_and_a_longer_one_is_passed_over(log: Path, consumer: Consumer):
    most = 10 * 2**20
    with log.open("wb") as file:
        for line in (b"a" * most, b"b" * (most + 1), b"c"):
            file.write(line + b"\n")
    assert [(line[:1], len(line)) for line in consumer.drain()] == [(b"a", most), (b"c", 1)]
    assert [(each.length, each.head) for each in consumer.oversized] == [(most + 1, b"b" * 1024)]


def test_what_is_written_counts_as_unread_also_while_nobody_reads(tmp_path: Path, log: Path, consumer: Consumer):
    log.write_bytes(b"one\n")
    consumer.drain()
    append(log, b"two\n")
    log.rename(tmp_path / "app-2.jsonl")
    log.write_bytes(b"three\n")
    assert consumer.source.lag_bytes() == 10
    assert sorted(consumer.drain()) == [b"three", b"two"]
    assert consumer.source.lag_bytes() == 0


def test_the_lag_is_looked_at_no_more_often_than_asked(log: Path):
    source = JsonlSource("chat", str(log), [], rescan_every=3600)
    source.read(100)
    log.write_bytes(b"1\n")
    assert source.lag_bytes() == 0
    source.close()
