"""Any sequence of writes, rotations, polls, commits and crashes: every line exactly once, save what was destroyed.

The model knows nothing of inodes and fingerprints. It follows each line to the files that hold it, and which of
these the reader can reach: those that lie in the folder under the log's name or with marks of rotation added, and those
that it has open. A line may be missing only if it was on no reachable file before it was committed.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.sources import missing
from aiwatch.ingest.sources.compressed import zstd
from tests.ingest.sources.consuming import NEVER, Consumer

LAST = 4  # the highest number of a rotated file


class Content:
    """What one file holds, as the model sees it: its whole lines, and the beginning of another."""

    def __init__(self, copied: Content | None = None) -> None:
        self.whole = list(copied.whole) if copied else []
        self.half = copied.half if copied else b""
        self.registered = copied is not None and copied.registered  # the checkpoint knows its first line
        self.opened = False  # the running reader has it open


class Logs(RuleBasedStateMachine):
    """One log, ``app.jsonl``, whose rotated files are ``app.jsonl.<n>`` and ``app.jsonl.<n>.gz``."""

    pattern = "app.jsonl*"
    banner = b""
    suffix = ".gz"
    pack = staticmethod(gzip.compress)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / "app.jsonl"
        self.files: dict[str, Content] = {}  # by name
        self.held: list[Content] = []  # deleted, but open in the reader
        self.written: list[bytes] = []
        self.excused: set[bytes] = set()  # destroyed before they were committed
        self.number = 0
        self._create()
        self.consumer = Consumer(self.folder / self.pattern, limit=200, rescan_every=NEVER)
        self.search_every, missing._SEARCH_EVERY_SECONDS = missing._SEARCH_EVERY_SECONDS, 0.0

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            missing._SEARCH_EVERY_SECONDS = self.search_every
            self.consumer.close()
            shutil.rmtree(self.folder)

    # -- the model's books --------------------------------------------------------------------------

    def _create(self) -> None:
        self.log.write_bytes(self.banner)
        self.files["app.jsonl"] = Content()

    def _reachable(self) -> set[bytes]:
        files = [content for name, content in self.files.items() if self._finds(name, content)]
        return {line for content in [*files, *self.held] for line in content.whole}

    def _finds(self, name: str, content: Content) -> bool:
        """Tell whether the reader can find a file that lies in the folder."""
        return True

    def _account(self) -> None:
        """Excuse the lines that are on no reachable file any more and were not even read."""
        read = {line for block in self.consumer.pending for line in block.data.split(b"\n")}
        gone = set(self.written) - self._reachable() - read - set(self.consumer.lines)
        self.excused |= gone

    def _see(self) -> None:
        """The reader has just looked: it holds open what its pattern found."""
        for name, content in self.files.items():
            if fnmatch(name, self.pattern):
                content.opened = True

    def _note_registration(self, position: Position) -> None:
        for name, content in self.files.items():
            known = content.whole and position.fingerprint_length >= min(1024, len(content.whole[0]) + 1)
            if known and (self.folder / name).stat().st_ino == position.inode:
                content.registered = True

    def _delete(self, name: str) -> None:
        content = self.files.pop(name)
        (self.folder / name).unlink()
        if content.opened:
            self.held.append(content)

    def _shift(self) -> None:
        """Make room for a file number 1."""
        for suffix in ("", self.suffix):
            if f"app.jsonl.{LAST}{suffix}" in self.files:
                self._delete(f"app.jsonl.{LAST}{suffix}")
        for number in range(LAST - 1, 0, -1):
            for suffix in ("", self.suffix):
                name, moved = f"app.jsonl.{number}{suffix}", f"app.jsonl.{number + 1}{suffix}"
                if name in self.files:
                    (self.folder / name).rename(self.folder / moved)
                    self.files[moved] = self.files.pop(name)

    def _append(self, name: str, data: bytes) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(data)
        content = self.files[name]
        *whole, content.half = (content.half + data).split(b"\n")
        content.whole += whole
        self.written += whole
        self._account()

    def _line(self) -> bytes:
        self.number += 1
        return b'{"n": %d}' % self.number

    def _writable(self) -> bool:
        return "app.jsonl" in self.files

    # -- writers ------------------------------------------------------------------------------------

    @precondition(_writable)
    @rule(count=st.integers(1, 40), name=st.sampled_from(["app.jsonl"] * 3 + ["app.jsonl.1"]))
    def append_lines(self, count: int, name: str) -> None:
        if name in self.files:
            self._append(name, b"".join(self._line() + b"\n" for _ in range(count)))

    @precondition(_writable)
    @rule()
    def append_a_large_line(self) -> None:
        line = self._line()
        self._append("app.jsonl", b'%s, "pad": "%s", "again": %s\n' % (line[:-1], b"x" * 1500, line[1:]))

    @precondition(_writable)
    @rule(cut=st.integers(1, 8))
    def append_half_a_line(self, cut: int) -> None:
        if not self.files["app.jsonl"].half:
            self._append("app.jsonl", self._line()[:cut])

    @precondition(_writable)
    @rule()
    def end_half_a_line(self) -> None:
        content = self.files["app.jsonl"]
        if content.half:
            self._append("app.jsonl", b' "end": %s\n' % self._line())

    # -- rotation -----------------------------------------------------------------------------------

    @precondition(_writable)
    @rule(reopen=st.booleans())
    def rename(self, reopen: bool) -> None:
        self._shift()
        self.log.rename(self.folder / "app.jsonl.1")
        self.files["app.jsonl.1"] = self.files.pop("app.jsonl")
        if reopen:
            self._create()
        self._account()

    @precondition(lambda self: not self._writable())
    @rule()
    def create_again(self) -> None:
        self._create()

    @precondition(_writable)
    @rule(poll_between=st.booleans())
    def copy_and_truncate(self, poll_between: bool) -> None:
        self._shift()
        original = self.files["app.jsonl"]
        shutil.copyfile(self.log, self.folder / "app.jsonl.1")
        self.files["app.jsonl.1"] = Content(original)
        if poll_between:
            self.poll(2, look=True)
        os.truncate(self.log, 0)
        self._create()
        self._account()

    @precondition(_writable)
    @rule(count=st.integers(0, 40))
    def truncate_and_write_again(self, count: int) -> None:
        os.truncate(self.log, 0)
        self._create()
        self._account()
        if count:
            self.append_lines(count, "app.jsonl")

    @precondition(_writable)
    @rule()
    def delete_and_create_again(self) -> None:
        self._delete("app.jsonl")
        self._account()
        self._create()

    @rule(poll_between=st.booleans(), number=st.integers(1, LAST))
    def compress(self, poll_between: bool, number: int) -> None:
        name = f"app.jsonl.{number}"
        if name not in self.files or f"{name}{self.suffix}" in self.files or self.files[name].half:
            return
        path = self.folder / name
        data = self.pack(path.read_bytes())
        with (self.folder / f"{name}{self.suffix}").open("wb") as archive:
            archive.write(data[: len(data) // 2])
            if poll_between:
                archive.flush()
                self.poll(2, look=True)
            archive.write(data[len(data) // 2 :])
        self.files[f"{name}{self.suffix}"] = Content(self.files[name])
        self._delete(name)
        self._account()

    # -- the reader ---------------------------------------------------------------------------------

    @rule(blocks=st.integers(1, 8), look=st.booleans())
    def poll(self, blocks: int, look: bool) -> None:
        if look:
            self.consumer.look()
            self._see()
        for _ in range(blocks):
            block = self.consumer.poll()
            if block is not None and not block.data:
                self._note_registration(block.position)
            if block is None:
                break

    @rule()
    def commit(self) -> None:
        self.consumer.commit()

    @rule()
    def crash(self) -> None:
        self.consumer.crash()
        self.held.clear()
        for content in self.files.values():
            content.opened = False
        self._account()
        self.poll(1, look=True)

    @invariant()
    def nothing_comes_twice_and_nothing_is_made_up(self) -> None:
        banner = self.banner.rstrip(b"\n")
        counts = Counter(line for line in self.consumer.lines if line != banner or not line)
        twice = [line[:20] for line, count in counts.items() if count > 1]
        made_up = [line[:20] for line in set(counts) - set(self.written)]
        assert (twice, made_up) == ([], [])

    @rule()
    def settle(self) -> None:
        """In the end, everything is there but what could not be had."""
        self.consumer.drain()
        self._see()
        lost = sorted(line[:20] for line in set(self.written) - set(self.consumer.lines) - self.excused)
        assert lost == []
        self.nothing_comes_twice_and_nothing_is_made_up()


class LogsBeyondThePattern(Logs):
    """The same where the pattern finds only the live name: the rest must be held open, or searched for."""

    pattern = "*.jsonl"

    def _finds(self, name: str, content: Content) -> bool:
        return name == "app.jsonl" or content.opened or content.registered


class LogsWithABanner(Logs):
    """The same where all files begin with the same 1.5 KiB, so that only what follows tells them apart."""

    banner = b'{"banner": "%s"}\n' % (b"x" * 1500)


class LogsCompressedByZstd(Logs):
    """The same with Zstandard, whose frames do not state what gzip's end markers do."""

    suffix = ".zst"
    pack = staticmethod(zstd.compress)


TestLogs = Logs.TestCase
TestLogs.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLogsBeyondThePattern = LogsBeyondThePattern.TestCase
TestLogsBeyondThePattern.settings = TestLogs.settings
TestLogsWithABanner = LogsWithABanner.TestCase
TestLogsWithABanner.settings = TestLogs.settings
TestLogsCompressedByZstd = LogsCompressedByZstd.TestCase
TestLogsCompressedByZstd.settings = TestLogs.settings


def test_an_archive_that_got_the_inode_and_has_the_length_of_an_older_one_is_read() -> None:
    logs = LogsWithABanner()
    logs.copy_and_truncate(poll_between=False)
    logs.poll(blocks=2, look=False)
    logs.append_a_large_line()
    for poll_between in (False, False):
        logs.copy_and_truncate(poll_between)
    logs.compress(poll_between=False, number=2)
    logs.copy_and_truncate(poll_between=True)
    logs.compress(poll_between=False, number=1)
    for _ in range(2):
        logs.append_a_large_line()
        logs.copy_and_truncate(poll_between=True)
    logs.compress(poll_between=False, number=2)
    logs.compress(poll_between=False, number=1)
    logs.teardown()


def test_a_copy_that_was_compressed_before_it_was_needed_is_not_read_besides() -> None:
    logs = LogsWithABanner()
    logs.copy_and_truncate(poll_between=True)
    logs.append_a_large_line()
    logs.copy_and_truncate(poll_between=True)
    logs.append_a_large_line()
    for poll_between in (False, False, True):
        logs.copy_and_truncate(poll_between)
    logs.compress(poll_between=False, number=3)
    logs.copy_and_truncate(poll_between=True)
    logs.copy_and_truncate(poll_between=False)
    logs.append_a_large_line()
    logs.compress(poll_between=True, number=1)
    logs.compress(poll_between=True, number=2)
    for _ in range(2):
        logs.copy_and_truncate(poll_between=True)
    logs.teardown()


def test_a_deleted_copy_of_the_common_beginning_is_not_read_on_in_files_that_are_copies_themselves() -> None:
    logs = LogsWithABanner()
    for poll_between in (False, True):
        logs.copy_and_truncate(poll_between)
    logs.compress(poll_between=False, number=2)
    logs.copy_and_truncate(poll_between=False)
    logs.append_a_large_line()
    logs.compress(poll_between=True, number=2)
    logs.compress(poll_between=False, number=1)
    logs.copy_and_truncate(poll_between=True)
    logs.append_a_large_line()
    logs.copy_and_truncate(poll_between=True)
    logs.compress(poll_between=False, number=1)
    logs.teardown()


def test_copies_that_became_the_same_archive_are_parted_with_together() -> None:
    logs = LogsWithABanner()
    logs.copy_and_truncate(poll_between=False)
    logs.compress(poll_between=False, number=1)
    logs.copy_and_truncate(poll_between=False)
    for poll_between in (False, True):
        logs.copy_and_truncate(poll_between)
    logs.append_a_large_line()
    for poll_between in (True, True):
        logs.copy_and_truncate(poll_between)
    logs.teardown()


def test_a_copy_at_the_name_and_inode_of_what_was_read_is_still_a_copy() -> None:
    logs = LogsWithABanner()
    logs.rename(reopen=False)
    logs.crash()
    logs.create_again()
    logs.copy_and_truncate(poll_between=False)
    logs.append_a_large_line()
    logs.settle()
    logs.compress(poll_between=False, number=2)
    logs.crash()
    logs.copy_and_truncate(poll_between=True)
    logs.commit()
    logs.teardown()
