"""One test per way in which a log is rotated, replaced or lost, live and over a restart."""

from __future__ import annotations

import errno
import gzip
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiwatch.ingest.sources import tracking
from aiwatch.ingest.sources.compressed import zstd
from tests.ingest.sources.consuming import Consumer

Make = Callable[..., Consumer]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.jsonl"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make consumers of a pattern (default: all names of the log) that are closed at the end."""
    made: list[Consumer] = []

    def make(pattern: str = "app.jsonl*", **options: float) -> Consumer:
        made.append(Consumer(tmp_path / pattern, **options))
        return made[-1]

    yield make
    for consumer in made:
        consumer.close()


_numbers = itertools.count()


def lines(count: int, size: int = 100) -> list[bytes]:
    """Return ``count`` lines like no others."""
    return [b'{"n": %d, "pad": "%s"}' % (next(_numbers), b"x" * size) for _ in range(count)]


def append(path: Path, new: list[bytes]) -> list[bytes]:
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in new))
    return new


@dataclass(frozen=True)
class Packing:
    """A way to compress."""

    suffix: str
    pack: Callable[[bytes], bytes]
    padding: bytes  # what may lie behind the content


def zstandard(content: bytes) -> bytes:
    """Compress as the command does by default."""
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


GZIP = Packing(".gz", gzip.compress, b"\0" * 7)
ZSTD = Packing(".zst", zstandard, b"\x50\x2a\x4d\x18" + b"\3\0\0\0" + b"pad")


@pytest.fixture(params=[GZIP, ZSTD], ids=["gzip", "zstd"])
def packing(request: pytest.FixtureRequest) -> Packing:
    found: Packing = request.param
    return found


def compress(path: Path, packing: Packing) -> Path:
    """Compress as gzip and zstd do: a new file beside the old one, with its time, and then the old one goes."""
    target = path.with_name(path.name + packing.suffix)
    target.write_bytes(packing.pack(path.read_bytes()))
    stat = path.stat()
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    path.unlink()
    return target


both_patterns = pytest.mark.parametrize("pattern", ["app.jsonl*", "*.jsonl"], ids=["all names", "live name only"])
with_restart = pytest.mark.parametrize("restart", [False, True], ids=["live", "over a restart"])
sizes = pytest.mark.parametrize("count", [3, 100], ids=["smaller than the fingerprint", "larger"])


def begin(consumer: Consumer, log: Path, count: int) -> list[bytes]:
    """Write ``count`` lines and have only the first few of them delivered."""
    written = append(log, lines(count))
    consumer.limit = 150
    while not consumer.lines:
        consumer.poll()
        consumer.commit()
    assert 0 < len(consumer.lines) < count
    return written


@sizes
@both_patterns
@with_restart
def test_a_renamed_file_goes_on_from_its_position(restart: bool, pattern: str, count: int, log: Path, make: Make):
    consumer = make(pattern)
    written = begin(consumer, log, count)
    rotated = log.rename(log.with_name("app.jsonl.1"))
    if restart:
        consumer.crash()
    written += append(log, lines(5)) + append(rotated, lines(5))  # its writer still holds it
    assert consumer.drain()
    assert sorted(consumer.lines) == sorted(written)


@sizes
@both_patterns
@with_restart
def test_the_copy_of_a_truncated_file_gives_what_was_unread(
    restart: bool, pattern: str, count: int, log: Path, make: Make
):
    consumer = make(pattern)
    written = begin(consumer, log, count)
    shutil.copy(log, log.with_name("app.jsonl.1"))
    os.truncate(log, 0)
    if restart:
        consumer.crash()
    written += append(log, lines(2 * count))  # as long as before and longer: the size tells nothing
    consumer.drain()
    assert sorted(consumer.lines) == sorted(written)


@sizes
@with_restart
def test_a_copy_is_not_read_before_its_original_is_truncated(restart: bool, count: int, log: Path, make: Make):
    consumer = make()
    written = begin(consumer, log, count)
    copy = log.with_name("app.jsonl.1")
    content = log.read_bytes()
    for cut in (0, 10, 200, len(content)):  # as it grows
        copy.write_bytes(content[:cut])
        if restart:
            consumer.crash()
        consumer.drain()
    assert consumer.lines == written
    os.truncate(log, 0)
    written += append(log, lines(1))
    consumer.drain()
    consumer.crash()
    consumer.drain()
    assert consumer.lines == written


def test_a_copy_seen_before_the_truncation_may_be_deleted_soon_after_it(log: Path, make: Make):
    consumer = make()
    written = begin(consumer, log, 100)
    copy = log.with_name("app.jsonl.1")
    shutil.copy(log, copy)
    consumer.poll()
    os.truncate(log, 0)
    copy.unlink()
    consumer.drain()
    assert consumer.lines == written


def test_copies_are_not_held_open_when_they_are_gone_and_not_needed(log: Path, make: Make):
    consumer = make()
    append(log, lines(100))
    consumer.drain()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        copy = log.with_name(f"app.jsonl.{number}")
        shutil.copy(log, copy)
        consumer.drain()
        copy.unlink()
        consumer.drain()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_copy_that_was_not_there_at_the_last_look_is_not_read_from_its_start(log: Path, make: Make):
    consumer = make()
    written = append(log, lines(50))
    consumer.drain()
    written += append(log, lines(50))
    shutil.copy(log, log.with_name("app.jsonl-20260131"))
    os.truncate(log, 0)
    consumer.drain()
    assert consumer.lines == written


@with_restart
def test_truncation_is_seen_though_the_file_is_longer_again(restart: bool, log: Path, make: Make):
    consumer = make()
    old = append(log, lines(20))
    consumer.drain()
    os.truncate(log, 0)
    new = append(log, lines(40))
    if restart:
        consumer.crash()
    consumer.drain()
    assert consumer.lines == old + new


def test_truncation_is_seen_though_the_file_has_the_same_length_again(log: Path, make: Make):
    consumer = make()
    old = append(log, [b"%050d" % number for number in range(100)])
    consumer.drain()
    os.truncate(log, 0)
    new = append(log, [b"%050d" % number for number in range(100, 200)])
    consumer.drain()
    assert consumer.lines == old + new


def test_truncation_is_seen_though_size_and_time_are_as_before(log: Path, make: Make):
    consumer = make()
    old = append(log, [b"%050d" % number for number in range(100)])
    consumer.drain()
    stat = log.stat()
    log.write_bytes(b"")
    new = append(log, [b"%050d" % number for number in range(100, 200)])
    os.utime(log, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # within one tick of a coarse clock
    consumer.drain()
    assert consumer.lines == old + new


def test_truncation_in_the_middle_of_a_look_does_not_make_a_new_log_of_the_copy(
    log: Path, make: Make, monkeypatch: pytest.MonkeyPatch
):
    consumer = make()
    written = begin(consumer, log, 100)
    shutil.copy(log, log.with_name("app.jsonl.1"))
    compare = tracking.relation

    def truncate_first(*arguments: Any) -> str:
        os.truncate(log, 0)
        return compare(*arguments)

    monkeypatch.setattr(tracking, "relation", truncate_first)
    consumer.drain()
    assert consumer.lines == written


@with_restart
def test_a_file_replaced_by_a_longer_copy_of_itself_goes_on_where_it_was(restart: bool, log: Path, make: Make):
    consumer = make()
    written = append(log, lines(50))
    consumer.drain()
    edited = log.with_name("edited")
    shutil.copy(log, edited)
    written += append(edited, lines(2))
    edited.rename(log)
    if restart:
        consumer.crash()
    consumer.drain()
    assert consumer.lines == written


def test_truncation_between_two_blocks_is_seen_before_a_wrong_byte_is_read(log: Path, make: Make):
    consumer = make(limit=1000, rescan_every=3600)
    old = append(log, lines(100))
    consumer.poll()
    consumer.poll()
    consumer.commit()
    before = list(consumer.lines)
    os.truncate(log, 0)
    new = append(log, lines(200))
    while consumer.poll() is not None:
        consumer.commit()
    assert before == old[: len(before)]
    assert consumer.lines == before + new


@with_restart
def test_a_file_that_begins_as_before_but_goes_on_otherwise_is_a_new_one(restart: bool, log: Path, make: Make):
    banner = [b'{"banner": "%s"}' % (b"x" * 2000)]
    consumer = make()
    old = append(log, banner + lines(20))
    consumer.drain()
    os.truncate(log, 0)
    new = append(log, banner + lines(30))
    if restart:
        consumer.crash()
    consumer.drain()
    assert consumer.lines == old + new


def test_a_deleted_file_is_read_to_its_end_through_the_open_file(log: Path, make: Make):
    consumer = make(quiet=0)
    written = begin(consumer, log, 100)
    with log.open("ab") as writer:
        log.unlink()
        late = lines(1)
        writer.write(late[0])
    consumer.drain()
    assert consumer.lines == written + late  # the last line, too: nobody will end it


def test_an_open_file_is_let_go_once_it_is_deleted_and_finished(log: Path, make: Make):
    consumer = make(quiet=0)
    before = len(os.listdir("/proc/self/fd"))
    append(log, lines(3))
    consumer.drain()
    log.unlink()
    consumer.drain()
    consumer.drain()
    assert len(os.listdir("/proc/self/fd")) == before
    assert [position.finished for position in consumer.positions.values()] == [True]


def test_the_last_rotated_file_is_kept_open_for_its_writer_until_the_next_rotation(log: Path, make: Make):
    consumer = make("*.jsonl", quiet=0)
    before = len(os.listdir("/proc/self/fd"))
    written = append(log, lines(3))
    consumer.drain()
    rotated = log.rename(log.with_name("app.jsonl.1"))
    consumer.drain()
    consumer.drain()
    written += append(rotated, lines(1))
    consumer.drain()
    assert consumer.lines == written
    for turn in range(2, 6):
        append(log, lines(3))
        consumer.drain()
        log.rename(log.with_name(f"app.jsonl.{turn}"))
        consumer.drain()
        consumer.drain()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


@sizes
@with_restart
def test_a_recreated_file_is_a_new_one_though_it_has_the_same_inode(restart: bool, count: int, log: Path, make: Make):
    consumer = make()
    old = append(log, lines(count))
    consumer.drain()
    inode = log.stat().st_ino
    consumer.close()  # while it is open, its inode is not used again
    log.unlink()
    new = append(log, lines(count + 1))
    reused = log.stat().st_ino == inode
    consumer.crash()
    if restart:
        consumer.crash()
    consumer.drain()
    assert consumer.lines == old + new
    if not reused:
        pytest.skip("this file system did not use the inode again")


def test_a_switched_link_leads_to_the_next_file_and_the_last_one_is_read_to_its_end(tmp_path: Path, make: Make):
    (tmp_path / "targets").mkdir()
    targets = [tmp_path / "targets" / name for name in ("one", "two")]
    link = tmp_path / "app.jsonl"
    link.symlink_to(targets[0])
    targets[0].touch()
    consumer = make()
    written = begin(consumer, targets[0], 50)
    written += append(targets[1], lines(10))
    link.unlink()
    link.symlink_to(targets[1])
    consumer.crash()
    written += append(targets[0], lines(1))
    consumer.drain()
    assert sorted(consumer.lines) == sorted(written)
    link.unlink()
    link.symlink_to(targets[0])  # and back
    written += append(targets[0], lines(1))
    consumer.drain()
    assert sorted(consumer.lines) == sorted(written)


@sizes
@both_patterns
@with_restart
def test_compression_after_rotation_is_gone_through_from_the_known_position(
    restart: bool, pattern: str, count: int, log: Path, packing: Packing, make: Make
):
    consumer = make(pattern)
    written = begin(consumer, log, count)
    compress(log.rename(log.with_name("app.jsonl.1")), packing)
    if restart:
        consumer.crash()
    written += append(log, lines(2))
    consumer.drain()
    consumer.crash()
    consumer.drain()
    assert sorted(consumer.lines) == sorted(written)


@sizes
def test_a_compressed_copy_of_what_was_read_is_recorded_as_its_new_place(
    count: int, log: Path, packing: Packing, make: Make
):
    consumer = make(quiet=0)
    append(log, lines(count))
    consumer.drain()
    archive = compress(log, packing)
    consumer.drain()
    consumer.drain()
    assert len(consumer.lines) == count
    [position] = consumer.positions.values()
    assert (position.path, position.inode, position.finished) == (str(archive), archive.stat().st_ino, True)


@pytest.mark.parametrize("look", [False, True], ids=["copy unseen", "copy seen"])
def test_copytruncate_with_compression_at_once_loses_and_doubles_nothing(
    look: bool, log: Path, packing: Packing, make: Make
):
    consumer = make()
    written = begin(consumer, log, 100)
    shutil.copy(log, log.with_name("app.jsonl.1"))
    if look:
        consumer.poll()
    os.truncate(log, 0)
    compress(log.with_name("app.jsonl.1"), packing)
    written += append(log, lines(3))
    consumer.drain()
    assert sorted(consumer.lines) == sorted(written)


def test_an_archive_that_nobody_knows_is_read_from_its_start_with_its_last_unterminated_line(
    tmp_path: Path, packing: Packing, make: Make
):
    content = b"1\n2\n3"
    (tmp_path / f"app.jsonl.1{packing.suffix}").write_bytes(
        packing.pack(content[:3]) + packing.pack(content[3:]) + packing.padding
    )
    consumer = make()
    assert consumer.drain() == [b"1", b"2", b"3"]
    assert all(position.finished for position in consumer.positions.values())
    consumer.crash()
    assert consumer.drain() == []


@pytest.mark.parametrize("limit", [1000, 65536])
def test_an_archive_of_any_size_is_finished_and_let_go_when_it_is_read(
    limit: int, tmp_path: Path, packing: Packing, make: Make
):
    before = len(os.listdir("/proc/self/fd"))
    written = [b"%032x" % (number**9) for number in range(20_000)]
    (tmp_path / f"app.jsonl.1{packing.suffix}").write_bytes(packing.pack(b"".join(line + b"\n" for line in written)))
    consumer = make(limit=limit)
    assert consumer.drain() == written
    assert [position.finished for position in consumer.positions.values()] == [True]
    assert len(os.listdir("/proc/self/fd")) == before


@with_restart
def test_an_archive_still_being_written_is_read_as_far_as_it_goes_and_on_later(
    restart: bool, tmp_path: Path, packing: Packing, make: Make
):
    written = lines(2000)
    archive = packing.pack(b"".join(line + b"\n" for line in written))
    path = tmp_path / f"app.jsonl.1{packing.suffix}"
    consumer = make()
    for cut in (0, 5, 20, len(archive) // 2, len(archive) - 8, len(archive) - 1, len(archive)):
        path.write_bytes(archive[:cut])
        if restart:
            consumer.crash()
        consumer.drain()
        assert consumer.lines == written[: len(consumer.lines)]
    assert consumer.lines == written


def test_unpacking_an_archive_that_is_being_read_doubles_nothing(tmp_path: Path, packing: Packing, make: Make):
    written = lines(2000)
    content = b"".join(line + b"\n" for line in written)
    (tmp_path / f"app.jsonl.1{packing.suffix}").write_bytes(packing.pack(content))
    consumer = make(limit=1000)
    consumer.poll()
    consumer.poll()
    (tmp_path / "app.jsonl.1.gz.unpacked").write_bytes(content)
    consumer.drain()
    assert consumer.lines == written


def test_the_archive_of_a_lost_file_is_waited_for_while_it_is_written(log: Path, packing: Packing, make: Make):
    consumer = make(limit=1000)
    written = begin(consumer, log, 3000)
    archive = packing.pack(log.read_bytes())
    while len(consumer.lines) < 2000:
        consumer.poll()
        consumer.commit()
    consumer.close()
    log.unlink()
    path = log.with_name(f"app.jsonl.1{packing.suffix}")
    consumer.crash()
    for cut in (len(archive) // 3, len(archive) - 20, len(archive)):
        path.write_bytes(archive[:cut])
        consumer.drain()
    assert consumer.lines == written


def test_a_damaged_archive_is_a_problem_and_the_others_go_on(
    log: Path, packing: Packing, make: Make, caplog: pytest.LogCaptureFixture
):
    damaged = bytearray(packing.pack(b"".join(b"%032x\n" % (number**9) for number in range(50_000))))
    damaged[len(damaged) // 2] ^= 0xFF
    archive = log.with_name(f"app.jsonl.1{packing.suffix}")
    archive.write_bytes(damaged)
    new = append(log, lines(2))
    consumer = make()
    consumer.drain()
    consumer.drain()
    assert set(new) < set(consumer.lines)
    assert "restore it or remove it" in consumer.source.problems()[str(archive)]
    assert [str(archive) in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("count", [1, 5000])
def test_an_archive_that_was_cut_off_is_a_problem_until_it_is_whole(
    count: int, log: Path, packing: Packing, make: Make
):
    written = lines(count)
    archive = packing.pack(b"".join(line + b"\n" for line in written))
    path = log.with_name(f"app.jsonl.1{packing.suffix}")
    path.write_bytes(archive[: len(archive) - 20])
    consumer = make(quiet=0)
    consumer.drain()
    consumer.drain()
    assert "cut off" in consumer.source.problems()[str(path)]
    path.write_bytes(archive)
    consumer.drain()
    assert consumer.lines == written
    assert consumer.source.problems() == {}


@with_restart
def test_a_finished_file_that_was_renamed_again_is_known_to_its_archive(
    restart: bool, log: Path, packing: Packing, make: Make
):
    consumer = make(quiet=0)
    written = append(log, lines(100))
    consumer.drain()
    rotated = log.rename(log.with_name("app.jsonl.1"))
    consumer.drain()
    rotated = rotated.rename(log.with_name("app.jsonl.2"))
    written += append(log.with_name("app.jsonl.1"), lines(1))
    consumer.drain()
    log.with_name(f"app.jsonl.2{packing.suffix}").write_bytes(packing.pack(rotated.read_bytes()))
    if restart:
        consumer.crash()
    consumer.drain()
    assert consumer.lines == written


def test_two_short_logs_that_begin_alike_are_two_streams(tmp_path: Path, make: Make):
    consumer = make("*.jsonl")
    names = ["app.jsonl", "worker.jsonl", "app-2.jsonl"]
    for name in names:
        (tmp_path / name).write_bytes(b'{"msg": "start"}\n')
    consumer.drain()
    for name in names:
        append(tmp_path / name, [b'{"from": "%s"}' % name.encode()])
    consumer.drain()
    assert sorted(consumer.lines) == sorted(
        [b'{"msg": "start"}'] * 3 + [b'{"from": "%s"}' % name.encode() for name in names]
    )


def test_a_log_that_begins_like_the_rotated_one_before_it_is_read_from_its_start(log: Path, make: Make):
    consumer = make()
    start = [b'{"msg": "start"}']
    append(log, start)
    consumer.drain()
    log.rename(log.with_name("app.jsonl.1"))
    append(log, start)
    consumer.drain()
    consumer.crash()
    consumer.drain()
    assert consumer.lines == start * 2


def test_a_rotated_file_gives_its_last_unterminated_line_once_it_is_quiet(log: Path, make: Make):
    consumer = make(quiet=0)
    log.write_bytes(b"1\n2")
    consumer.drain()
    assert consumer.lines == [b"1"]
    log.rename(log.with_name("app.jsonl.1"))
    consumer.drain()
    consumer.drain()
    assert consumer.lines == [b"1", b"2"]
    [position] = consumer.positions.values()
    assert (position.offset, position.finished) == (3, True)


def test_a_finished_file_that_grows_after_all_is_read_on(log: Path, make: Make):
    consumer = make(quiet=0)
    append(log, lines(2))
    consumer.drain()
    rotated = log.rename(log.with_name("app.jsonl.1"))
    consumer.drain()
    consumer.drain()
    late = append(rotated, lines(1))
    assert consumer.drain() == late
    consumer.crash()
    late = append(rotated, lines(1))
    assert consumer.drain() == late


def test_a_file_that_was_never_rotated_keeps_its_unterminated_line_however_old_it_is(log: Path, make: Make):
    consumer = make(quiet=0)
    log.write_bytes(b"1\n2")
    os.utime(log, (1e9, 1e9))
    consumer.drain()
    consumer.drain()
    assert consumer.lines == [b"1"]


def test_a_copy_from_another_file_system_goes_on_where_the_lost_original_was_left(log: Path, make: Make):
    consumer = make()
    written = begin(consumer, log, 100)
    consumer.close()
    saved = log.read_bytes()
    log.unlink()
    keep = log.with_name("occupies the inode")
    keep.touch()
    log.write_bytes(saved)
    consumer.crash()
    written += append(log, lines(1))
    consumer.drain()
    assert consumer.lines == written


def test_a_stale_handle_is_opened_again(log: Path, make: Make, monkeypatch: pytest.MonkeyPatch):
    consumer = make()
    monkeypatch.setattr("aiwatch.ingest.sources.tracking._RETRY_SECONDS", 0.0)
    written = begin(consumer, log, 50)
    real_pread = os.pread
    failures = iter([errno.ESTALE, errno.EIO, errno.ESTALE])

    def pread(fd: int, size: int, offset: int) -> bytes:
        for code in failures:
            raise OSError(code, os.strerror(code))
        return real_pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    for _ in range(4):
        consumer.drain()
    assert consumer.lines == written
    assert consumer.source.problems() == {}


def test_a_new_number_of_the_device_does_not_make_a_new_stream(log: Path, make: Make):
    consumer = make()
    written = begin(consumer, log, 5)
    consumer.positions = {
        stream: msgspec.structs.replace(position, device=position.device + 1)
        for stream, position in consumer.positions.items()
    }
    consumer.crash()
    consumer.drain()
    assert consumer.lines == written


def test_destroyed_content_is_told_in_the_log(
    log: Path, make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("aiwatch.ingest.sources.missing._SEARCH_EVERY_SECONDS", 0.0)
    consumer = make()
    begin(consumer, log, 50)
    os.truncate(log, 0)
    consumer.drain()
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert str(log) in record.message
    assert "deleted or overwritten" in record.message


def test_streams_gone_for_long_are_forgotten_but_not_while_their_whole_folder_is_gone(
    log: Path, make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("aiwatch.ingest.sources.missing._FORGET_AFTER_SECONDS", -1.0)
    consumer = make(quiet=0)
    append(log, lines(2))
    consumer.drain()
    [stream] = consumer.positions
    log.unlink()
    consumer.drain()
    consumer.drain()
    assert consumer.source.forgotten() == ()
    append(log, lines(1))
    consumer.drain()
    assert consumer.source.forgotten() == (stream,)
    assert consumer.source.forgotten() == ()
