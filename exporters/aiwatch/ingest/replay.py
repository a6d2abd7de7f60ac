"""Dead letters that are read again: files in the state folder that the exporter follows like any log."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from aiwatch.ingest.contracts import Block
from aiwatch.ingest.dead_letters import DeadLetter
from aiwatch.ingest.decode import AHEAD, Decoded, Decoder, Entry, Reject
from aiwatch.ingest.reasons import LINE_TOO_LONG

SUFFIX = "#replay"  # of the source's key in the checkpoint


class Replayed(msgspec.Struct, frozen=True):
    """One letter to be read again. ``replay`` differs each time, so that no file passes for the copy of another."""

    replay: str
    letter: DeadLetter


class ReplayDecoder:
    """Decodes replayed letters as if their lines stood where they stood first.

    An event without an id is named by that place, so that it is stored once however often it is replayed.
    """

    def __init__(self, decoder: Decoder) -> None:
        """Leave the lines to ``decoder``."""
        self._decoder = decoder
        self._json = msgspec.json.Decoder(Replayed)

    def decode(self, block: Block, now: datetime) -> Decoded:
        """Return the records and rejects of the letters in ``block``."""
        decoded = Decoded()
        self._decoder.reject_oversized(block, decoded)
        offset = block.start
        for raw in block.data.split(b"\n"):
            place = (block.stream, offset)
            if raw:
                line, spot, path = raw, place, block.position.path
                try:
                    letter = self._json.decode(raw).letter
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    pass  # no letter: the decoder says what is wrong with it
                else:
                    # A mended line may have been laid out over several lines; within JSON these are but spaces.
                    line = letter.content.strip().replace(b"\n", b" ")
                    spot, path = (letter.stream, letter.offset), letter.path
                self._decoder.decode_line(line, spot, place, path, now + AHEAD, decoded)
            offset += len(raw) + 1
        return decoded

    def refuse(self, block: Block, entry: Entry, detail: str) -> Reject:
        """Return the reject for an entry whose document was refused."""
        return self._decoder.refuse(block, entry, detail)


def replay_folder(state: Path, source: str) -> Path:
    """Return the folder whose letters are read as if their lines stood in the logs of ``source``."""
    return state / "replay" / hashlib.blake2b(source.encode(), digest_size=8).hexdigest()


def hand_over(state: Path, letters: Iterable[DeadLetter], now: datetime) -> tuple[int, list[DeadLetter]]:
    """Hand letters to the exporter; return how many, and those that cannot be replayed.

    Of letters about the same line the last one counts: a line that was rejected again is handed over once. Lines that
    were too long were not kept whole.

    Raises:
        OSError: they could not be written; running it again is safe.
    """
    latest = {(letter.source, letter.stream, letter.offset): letter for letter in letters}
    by_source: dict[str, list[DeadLetter]] = {}
    left: list[DeadLetter] = []
    for letter in latest.values():
        if letter.reason == LINE_TOO_LONG or not letter.content.strip():
            left.append(letter)
        else:
            by_source.setdefault(letter.source, []).append(letter)
    replay = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    for source, chosen in by_source.items():
        folder = replay_folder(state, source)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{replay}.part"
        with part.open("wb") as file:
            file.writelines(msgspec.json.encode(Replayed(replay, letter)) + b"\n" for letter in chosen)
            file.flush()
            os.fsync(file.fileno())
        part.rename(part.with_suffix(".jsonl"))
    return sum(map(len, by_source.values())), left
