"""What is decompressed is bounded, in content and in memory."""

from __future__ import annotations

import dataclasses
import gzip

import pytest

from aiwatch.ingest.sources.compressed import ENCODINGS, GZIP, ZSTD, Decompressor, Format, decompress_all, zstd

PACK = {"gzip": gzip.compress, "zstd": zstd.compress}
both = pytest.mark.parametrize("name", ["gzip", "zstd"])


@both
def test_members_one_after_the_other_are_one_content(name: str) -> None:
    raw = PACK[name](b"one ") + PACK[name](b"") + PACK[name](b"two")
    assert decompress_all(raw, ENCODINGS[name], 7) == b"one two"


@both
def test_content_that_comes_byte_by_byte_is_the_same(name: str) -> None:
    content = b"".join(b"%d " % (number**3) for number in range(500))
    format: Format = {"gzip": GZIP, "zstd": ZSTD}[name]
    decompressor = Decompressor(format)
    found = b""
    for byte in PACK[name](content[:1000]) + PACK[name](content[1000:]):
        decompressor.put(bytes([byte]))
        while piece := decompressor.take(50):
            assert len(piece) <= 50
            found += piece
    assert found == content
    assert decompressor.at_end


@both
def test_a_bomb_is_found_out_without_its_content(name: str) -> None:
    bomb = PACK[name](bytes(50 * 2**20))
    assert len(bomb) < 100_000
    assert decompress_all(bomb, ENCODINGS[name], 2**20) is None


@both
def test_a_bomb_of_empty_members_costs_as_much_as_it_is_long(name: str) -> None:
    handled = 0

    class Weighed:
        def __init__(self) -> None:
            self.member = ENCODINGS[name].begin()

        @property
        def ended(self) -> bool:
            return self.member.ended

        @property
        def starved(self) -> bool:
            return self.member.starved

        def decompress(self, raw: bytes, limit: int) -> tuple[bytes, bytes]:
            nonlocal handled
            content, rest = self.member.decompress(raw, limit)
            handled += len(rest)
            return content, rest

    empty, few, many = PACK[name](b""), 2_000, 8_000
    weights = []
    for number in (few, many):
        handled = 0
        assert decompress_all(empty * number, dataclasses.replace(ENCODINGS[name], begin=Weighed), 10) == b""
        weights.append(handled / number)
    assert weights[1] < 1.3 * weights[0]


@both
@pytest.mark.parametrize("damage", ["cut off", "something else", "something else behind"])
def test_what_is_damaged_is_an_error(name: str, damage: str) -> None:
    whole = PACK[name](b"content " * 100)
    raw = {"cut off": whole[:-1], "something else": b"{}\n", "something else behind": whole + b"{}\n"}[damage]
    with pytest.raises(OSError, match="not valid"):
        decompress_all(raw, ENCODINGS[name], 2**20)


def test_zstandard_that_needs_much_memory_is_for_files_only() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    raw = compressor.compress(bytes(2**16)) + compressor.flush()
    decompressor = Decompressor(ZSTD)
    decompressor.put(raw)
    assert decompressor.take(10) == bytes(10)
    with pytest.raises(OSError, match="not valid"):
        decompress_all(raw, ENCODINGS["zstd"], 2**20)
