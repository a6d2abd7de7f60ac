"""What is appended comes as lines, once, over every restart; and whoever appended it hears when it is committed."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiwatch.ingest.contracts import Block, Oversized, Position
from aiwatch.ingest.sources.spool import Spool, SpoolClosedError, SpoolFullError


class Reader:
    """A spool over many incarnations, and the checkpoint of its positions."""

    def __init__(self, folder: Path, **options: int) -> None:
        self.folder = folder
        self.options = options
        self.positions: dict[str, Position] = {}
        self.spool = self.open()

    def open(self) -> Spool:
        self.spool = Spool("bot:http", self.folder, self.positions.values(), **self.options)
        return self.spool

    def crash(self) -> Spool:
        """Start again from what is committed; the files stay as they are (and open, as if nobody had closed them)."""
        return self.open()

    def commit(self, block: Block) -> None:
        self.positions[block.stream] = block.position
        self.spool.committed(block.position)
        self.forget()

    def forget(self) -> None:
        for stream in self.spool.forgotten():
            del self.positions[stream]

    def drain(self, limit: int = 65536) -> list[bytes]:
        lines: list[bytes] = []
        while (block := self.spool.read(limit)) is not None:
            assert len(block.data) <= max(limit, block.data.find(b"\n") + 1)
            lines += block.data.splitlines()
            self.commit(block)
        return lines

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path / "spool")
    yield reader
    reader.spool.close()


def test_a_ticket_is_done_when_the_position_behind_it_is_committed_and_not_before(reader: Reader) -> None:
    first, second = reader.spool.append(b"1\n"), reader.spool.append(b"2\n3\n")
    one = reader.spool.read(2)
    assert one is not None
    assert (one.start, one.data, first.done()) == (0, b"1\n", False)
    reader.commit(one)
    assert (first.done(), second.done()) == (True, False)
    assert reader.drain() == [b"2", b"3"]
    assert second.result(0) is None


def test_what_was_not_committed_comes_again_under_the_same_stream_and_offset(reader: Reader) -> None:
    reader.spool.append(b"1\n2\n3\n")
    first = reader.spool.read(2)
    assert first is not None
    reader.commit(first)
    lost = reader.spool.read(100)
    again = reader.crash().read(100)
    assert lost is not None
    assert again == lost
    assert (again.stream, again.start, again.data) == (first.stream, 2, b"2\n3\n")


def test_a_line_torn_by_a_kill_was_not_accepted_and_is_dropped(reader: Reader) -> None:
    reader.spool.append(b"1\n")
    (path,) = reader.files
    with path.open("ab") as file:
        file.write(b'{"torn')
    reader.crash()
    reader.spool.append(b"2\n")
    assert reader.drain() == [b"1", b"2"]


def test_where_lines_may_be_unfinished_a_torn_one_is_delivered_as_it_is(tmp_path: Path) -> None:
    reader = Reader(tmp_path, whole_lines=False)
    reader.spool.append(b"1\n2")
    assert reader.drain() == [b"1"]
    assert reader.spool.lag_bytes() == 1
    reader.crash()
    reader.spool.append(b"3\n")
    assert reader.drain() == [b"2", b"3"]


def test_files_are_begun_anew_at_a_size_and_deleted_once_committed(tmp_path: Path) -> None:
    reader = Reader(tmp_path, rotate_bytes=10)
    for number in range(10):
        reader.spool.append(b"line %d\n" % number)
    assert len(reader.files) == 5
    assert reader.drain() == [b"line %d" % number for number in range(10)]
    assert len(reader.files) == 1
    assert len(reader.positions) == 1
    reader.spool.close()
    assert reader.files == []
    reader.open()
    reader.forget()
    assert reader.positions == {}


def test_a_delivered_file_is_deleted_after_a_while_though_it_is_small(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiwatch.ingest.sources.spool._RETIRE_SECONDS", 0.0)
    reader.spool.append(b"personal data\n")
    assert reader.drain() == [b"personal data"]
    assert reader.files == []


def test_a_file_that_was_committed_but_not_deleted_is_not_read_again(reader: Reader) -> None:
    reader.spool.append(b"1\n")
    block = reader.spool.read(100)
    assert block is not None
    reader.positions[block.stream] = block.position  # and then the exporter was killed
    reader.crash()
    assert reader.files == []
    reader.spool.append(b"2\n")
    assert reader.drain() == [b"2"]


def test_a_stream_has_an_id_that_none_had_before(reader: Reader) -> None:
    seen = set()
    for _ in range(3):
        reader.spool.append(b"1\n")
        block = reader.spool.read(100)
        assert block is not None
        seen.add(block.stream)
        reader.commit(block)
        reader.spool.close()
        reader.open()
    assert len(seen) == 3


def test_nothing_is_taken_while_too_much_waits(tmp_path: Path) -> None:
    reader = Reader(tmp_path, most_waiting=5)
    reader.spool.append(b"12345\n")
    assert reader.spool.full
    with pytest.raises(SpoolFullError):
        reader.spool.append(b"6\n")
    assert not reader.spool.wait_for_room(0.0)
    assert reader.drain() == [b"12345"]
    assert reader.spool.wait_for_room(0.0)
    reader.spool.append(b"6\n")
    assert reader.drain() == [b"6"]


def test_who_waits_is_told_that_the_exporter_stops_and_what_waits_is_kept(reader: Reader) -> None:
    ticket = reader.spool.append(b"1\n")
    reader.spool.close()
    with pytest.raises(SpoolClosedError):
        ticket.result(0)
    with pytest.raises(SpoolClosedError):
        reader.spool.append(b"2\n")
    reader.open()
    assert reader.drain() == [b"1"]


def test_what_the_disk_refuses_is_not_there_in_part(reader: Reader) -> None:
    reader.spool.append(b"1\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            reader.spool.append(b"x" * 200 + b"\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "make room on its disk" in reader.spool.problems()[str(reader.folder)]
    reader.spool.append(b"2\n")
    assert reader.drain() == [b"1", b"2"]
    assert reader.spool.problems() == {}


@pytest.mark.parametrize("limit", [50, 1000, 65536])
def test_a_line_longer_than_max_line_is_reported_and_passed_over(limit: int, tmp_path: Path) -> None:
    reader = Reader(tmp_path, max_line=2000)
    reader.spool.append(b"a\n" + b"y" * 2000 + b"\n" + b"x" * 2001 + b"\nb\n")
    blocks = list(iter(lambda: reader.spool.read(limit), None))
    assert b"".join(block.data for block in blocks) == b"a\n" + b"y" * 2000 + b"\nb\n"
    assert [each for block in blocks for each in block.oversized] == [Oversized(2003, 2001, b"x" * 1024)]


def test_a_line_that_is_too_long_may_come_in_pieces_and_without_end(tmp_path: Path) -> None:
    reader = Reader(tmp_path, max_line=100, whole_lines=False, rotate_bytes=50)
    for _ in range(5):
        reader.spool.append(b"x" * 90)
        assert reader.drain() == []
    reader.crash()
    (block,) = iter(lambda: reader.spool.read(100), None)
    assert (block.data, block.oversized[0].length, block.position.offset) == (b"", 450, 450)


def test_bytes_are_readable_by_nobody_else(reader: Reader) -> None:
    reader.spool.append(b"personal data\n")
    assert reader.folder.stat().st_mode & 0o077 == 0
    assert reader.files[0].stat().st_mode & 0o077 == 0


def test_a_closed_spool_holds_no_file_open(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    reader = Reader(tmp_path, rotate_bytes=1)
    for _ in range(3):
        reader.spool.append(b"1\n")
    reader.drain()
    reader.spool.append(b"2\n")
    reader.spool.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_many_threads_append_while_one_reads_and_each_hears_of_its_own(tmp_path: Path) -> None:
    reader = Reader(tmp_path, rotate_bytes=1000)
    done: list[bytes] = []
    seen: list[bytes] = []

    def post(name: int) -> None:
        for number in range(20):
            line = b"%d-%d" % (name, number)
            reader.spool.append(line + b"\n").result(10)
            done.append(line)
            assert line in seen

    threads = [threading.Thread(target=post, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        while (block := reader.spool.read(65536)) is not None:
            seen += block.data.splitlines()
            reader.commit(block)
        reader.spool.wait_for_data(0.01)
    assert len(done) == len(seen) == len(set(seen)) == 400
    assert len(reader.files) <= 1
    reader.spool.close()
