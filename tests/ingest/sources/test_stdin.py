"""A pipe is read once, to its end, whoever reads it; and no further than what can be delivered."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiwatch.ingest.contracts import Block, Position, StoppedError
from aiwatch.ingest.sources.stdin import StandardInput, StdinSource


class Pipe:
    """A pipe whose reading end is standard input, and a checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        out, self.into = os.pipe()
        self.input = StandardInput(out)
        self.stop = threading.Event()
        self.positions: dict[str, Position] = {}
        self.opened: list[StdinSource] = []

    def open(self, **options: int) -> StdinSource:
        self.opened.append(
            StdinSource("bot:stdin", self.folder, self.positions.values(), self.input, self.stop, **options)
        )
        return self.opened[-1]

    def write(self, data: bytes) -> None:
        os.write(self.into, data)

    def end(self) -> None:
        os.close(self.into)
        self.into = -1

    def lines(self, source: StdinSource, number: int) -> list[bytes]:
        """Return the next lines as soon as there are so many, committed one block after the other."""
        found: list[bytes] = []

        def read() -> bool:
            block = source.read(65536)
            if block is not None:
                found.extend(block.data.splitlines())
                self.positions[block.stream] = block.position
                source.committed(block.position)
            return len(found) >= number

        until(read)
        return found


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = Pipe(tmp_path)
    yield pipe
    if pipe.into >= 0:
        pipe.end()
    os.close(pipe.input.descriptor)


def test_lines_come_as_they_are_written_and_a_half_one_waits_for_its_end(pipe: Pipe) -> None:
    source = pipe.open()
    pipe.write(b"1\n2\n3")
    assert pipe.lines(source, 2) == [b"1", b"2"]
    assert source.read(100) is None
    pipe.write(b"3\n")
    assert pipe.lines(source, 1) == [b"33"]
    source.close()


def test_a_last_line_without_newline_is_delivered_at_the_end_and_the_source_goes_on(pipe: Pipe) -> None:
    source = pipe.open()
    pipe.write(b"1\n2")
    pipe.end()
    assert pipe.lines(source, 2) == [b"1", b"2"]
    assert source.read(100) is None
    source.close()


def test_one_that_waits_for_the_end_gives_none_only_there(pipe: Pipe) -> None:
    source = pipe.open(wait_for_end=True)
    pipe.write(b"1\n")
    assert pipe.lines(source, 1) == [b"1"]
    timer = threading.Timer(0.1, lambda: (pipe.write(b"2\n"), pipe.end()))
    timer.start()
    assert pipe.lines(source, 1) == [b"2"]
    assert source.read(100) is None
    source.close()


def test_a_wait_for_the_end_ends_when_told_to_stop(pipe: Pipe) -> None:
    source = pipe.open(wait_for_end=True)
    pipe.stop.set()
    with pytest.raises(StoppedError):
        source.read(100)
    source.close()


def test_the_next_reader_goes_on_in_the_middle_of_a_line(pipe: Pipe) -> None:
    first = pipe.open()
    pipe.write(b"1\n2\n3")
    until(lambda: pipe.input.rest == b"3")
    first.close()
    pipe.write(b"3\n4\n")
    second = pipe.open()
    assert pipe.lines(second, 4) == [b"1", b"2", b"33", b"4"]
    second.close()


def test_a_closed_reader_takes_nothing_from_the_pipe(pipe: Pipe) -> None:
    pipe.open().close()
    pipe.write(b"1\n")
    assert os.read(pipe.input.descriptor, 100) == b"1\n"


def test_a_writer_has_to_wait_while_too_much_is_undelivered(pipe: Pipe) -> None:
    source = pipe.open(most_waiting=100_000)
    lines = [b"%099d" % number for number in range(20_000)]
    writer = threading.Thread(target=lambda: [os.write(pipe.into, line + b"\n") for line in lines], daemon=True)
    writer.start()
    until(lambda: source.full)
    time.sleep(0.1)
    assert writer.is_alive()
    assert source.waiting < 500_000  # the limit, what was read in one go, and what the pipe itself holds
    assert pipe.lines(source, len(lines)) == lines
    writer.join()
    source.close()


def test_what_there_is_no_room_for_stays_in_the_pipe(pipe: Pipe) -> None:
    source = pipe.open(most_waiting=5)
    pipe.write(b"12345\n")
    until(lambda: source.full)
    pipe.write(b"6\n")
    time.sleep(0.1)
    source.close()
    assert pipe.input.rest == b""
    pipe.write(b"7\n")
    assert pipe.lines(pipe.open(), 3) == [b"12345", b"6", b"7"]
    pipe.opened[-1].close()


def test_what_one_reader_could_not_keep_the_next_one_hands_on_at_once(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: StdinSource, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    first = pipe.open()
    monkeypatch.setattr(StdinSource, "append", refuse)
    pipe.write(b"1\n2")
    until(lambda: pipe.input.rest == b"1\n2")
    first.close()
    monkeypatch.undo()
    second = pipe.open()
    assert pipe.lines(second, 1) == [b"1"]
    second.close()


@pytest.mark.parametrize("end", [b"\n", b"\nnext\n", b""])
@pytest.mark.parametrize("mib", [11, 30])
def test_a_line_that_is_too_long_is_reported_however_long_it_is_and_the_next_one_is_read(
    pipe: Pipe, mib: int, end: bytes
) -> None:
    source = pipe.open(wait_for_end=True, most_waiting=12 * 2**20)

    def write() -> None:
        rest = memoryview(b"x" * (mib * 2**20) + end)
        while rest:
            rest = rest[os.write(pipe.into, rest) :]
        pipe.end()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    timer = threading.Timer(20, pipe.stop.set)
    timer.start()
    blocks: list[Block] = []
    while (block := source.read(2**21)) is not None:
        blocks.append(block)
        source.committed(block.position)
    timer.cancel()
    writer.join()
    (length,) = (each.length for block in blocks for each in block.oversized)
    assert 10 * 2**20 < length < 11 * 2**20
    assert b"".join(block.data for block in blocks) == end[1:]
    source.close()


def test_standard_input_that_cannot_be_read_has_ended(pipe: Pipe, caplog: pytest.LogCaptureFixture) -> None:
    pipe.input = StandardInput(os.open(pipe.folder, os.O_RDONLY))
    source = pipe.open(wait_for_end=True)
    assert source.read(100) is None
    assert "standard input cannot be read" in caplog.text
    source.close()
