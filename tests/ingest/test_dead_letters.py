"""The file of dead letters, and reading them again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest

from aiwatch.ingest.contracts import Block, Position
from aiwatch.ingest.dead_letters import DeadLetter, DeadLetters, DeadLettersError, read, read_file
from aiwatch.ingest.decode import Reject
from aiwatch.ingest.documents import Origin, address_of, body_of, origin_of
from aiwatch.ingest.reasons import LINE_TOO_LONG, NOT_JSON
from aiwatch.ingest.replay import ReplayDecoder, hand_over, replay_folder
from tests.ingest.samples import NOW, decoder, documents, interaction, lines

SOURCE = "bot:bot/*.jsonl"


def reject(line: bytes, offset: int = 0, reason: str = NOT_JSON, source: str = SOURCE) -> Reject:
    return Reject("bot", source, reason, "why", "/logs/a.jsonl", "5a", offset, line)


def contents(folder: Path) -> list[bytes]:
    return [letter.content for letter in read(folder)]


def test_a_letter_says_what_why_and_where(tmp_path: Path) -> None:
    DeadLetters(tmp_path, 0).append([reject(b"{", 17)], NOW)
    (letter,) = read(tmp_path)
    assert letter == DeadLetter(NOW, "bot", SOURCE, NOT_JSON, "why", "/logs/a.jsonl", "5a", 17, "{")


def test_lines_that_are_no_text_are_kept_too(tmp_path: Path) -> None:
    DeadLetters(tmp_path, 0).append([reject(b"\xff\0")], NOW)
    assert contents(tmp_path) == [b"\xff\0"]


def test_what_was_not_committed_is_written_anew(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 0)
    letters.committed(letters.append([reject(b"1")], NOW))
    size = letters.append([reject(b"2")], NOW)
    assert letters.append([reject(b"2")], NOW) == size
    assert contents(tmp_path) == [b"1", b"2"]


def test_a_tail_behind_the_committed_part_is_cut_off_at_the_start(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 0)
    size = letters.append([reject(b"1")], NOW)
    letters.committed(size)
    letters.append([reject(b"2")], NOW)
    DeadLetters(tmp_path, size)
    assert contents(tmp_path) == [b"1"]
    DeadLetters(tmp_path, sys.maxsize)
    assert contents(tmp_path) == [b"1"]


@pytest.mark.parametrize("how", ["unlink", "rename", "truncate"])
def test_the_file_may_be_taken_away_meanwhile(tmp_path: Path, how: str) -> None:
    letters = DeadLetters(tmp_path, 0)
    letters.committed(letters.append([reject(b"1"), reject(b"2")], NOW))
    if how == "unlink":
        letters.path.unlink()
    elif how == "rename":
        letters.path.rename(tmp_path / "mine.ndjson")
    else:
        letters.path.write_bytes(b"")
    size = letters.append([reject(b"3")], NOW)
    letters.committed(size)
    assert contents(tmp_path) == [b"3"]
    assert letters.path.stat().st_size == size


def test_no_letter_is_cut_in_two_when_the_file_was_begun_since_the_last_commit(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 0)
    size = letters.append([reject(b"1")], NOW)
    letters.path.unlink()
    letters.append([reject(b""), reject(b"2")], NOW)
    assert letters.path.stat().st_size > size
    letters = DeadLetters(tmp_path, size)
    letters.append([reject(b"3")], NOW)
    assert contents(tmp_path) == [b"", b"3"]


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, 0)
    letters.append([reject(b"1"), reject(b"2")], NOW)
    letters.path.write_bytes(letters.path.read_bytes()[:-10])
    assert contents(tmp_path) == [b"1"]
    assert list(read(tmp_path / "nowhere")) == []


def test_a_broken_file_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    DeadLetters(tmp_path, 0).append([reject(b"1")], NOW)
    with (tmp_path / "dead-letters.ndjson").open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(DeadLettersError, match=r"dead-letters.ndjson:2: not a dead letter .* mend the line"):
        list(read(tmp_path))


@pytest.mark.parametrize("encoded", ["abc", "é"])
def test_a_letter_whose_bytes_cannot_be_had_is_an_error_that_names_the_line(tmp_path: Path, encoded: str) -> None:
    file = tmp_path / "mended.ndjson"
    held = msgspec.to_builtins(letter(b"", 1)) | {"line_base64": encoded}
    file.write_text(json.dumps(held) + "\n")
    with pytest.raises(DeadLettersError, match=r"mended.ndjson:1: not a dead letter .*`line_base64` is no Base64"):
        list(read_file(file))


def replayed(state: Path, source: str = SOURCE) -> Block:
    data = b"".join(path.read_bytes() for path in sorted(replay_folder(state, source).glob("*.jsonl")))
    return Block("77", 0, data, Position("77", f"{source}#replay", "/state/replay", 1, 3, "", 0, len(data)))


def letter(line: bytes, offset: int, **changes: object) -> DeadLetter:
    fields = {
        "time": NOW,
        "process": "bot",
        "source": SOURCE,
        "reason": NOT_JSON,
        "detail": "why",
        "path": "/logs/a.jsonl",
    }
    return DeadLetter(**fields | {"stream": "5a", "offset": offset, "line": line.decode()} | changes)  # type: ignore[arg-type]


def test_a_replayed_line_keeps_the_name_of_its_first_place_and_has_an_address_of_its_own(tmp_path: Path) -> None:
    mended = lines(interaction(query="mended"))[:-1]
    assert hand_over(tmp_path, [letter(mended, 17)], NOW) == (1, [])
    (entry,) = ReplayDecoder(decoder()).decode(replayed(tmp_path), NOW).entries
    assert (address_of(entry.document).id, origin_of(entry.document)) == ("bot:5a:17", Origin("77", 0))
    assert json.loads(body_of(entry.document))["log"] == {"stream": "77", "offset": 0}


def test_a_line_that_is_rejected_again_is_a_letter_about_its_first_place(tmp_path: Path) -> None:
    hand_over(tmp_path, [letter(b"{", 17), letter(b"[", 29)], NOW)
    decoded = ReplayDecoder(decoder()).decode(replayed(tmp_path), NOW)
    assert [(each.stream, each.offset, each.path, each.line, each.source) for each in decoded.rejects] == [
        ("5a", 17, "/logs/a.jsonl", b"{", SOURCE),
        ("5a", 29, "/logs/a.jsonl", b"[", SOURCE),
    ]
    assert decoded.lines == 2


def test_of_letters_about_the_same_line_the_last_is_replayed(tmp_path: Path) -> None:
    assert hand_over(tmp_path, [letter(b"1", 17), letter(b"2", 17), letter(b"3", 29)], NOW)[0] == 2
    rejects = ReplayDecoder(decoder()).decode(replayed(tmp_path), NOW).rejects
    assert [each.line for each in rejects] == [b"2", b"3"]


def test_what_was_not_kept_whole_is_left(tmp_path: Path) -> None:
    long = letter(b"{", 17, reason=LINE_TOO_LONG)
    assert hand_over(tmp_path, [long, letter(b"", 29)], NOW) == (0, [long, letter(b"", 29)])


def test_a_mended_line_wins_over_the_bytes_that_it_replaces_and_may_be_laid_out(tmp_path: Path) -> None:
    mended = json.dumps(interaction(query="mended"), indent=2)
    hand_over(tmp_path, [letter(mended.encode(), 17, line_base64="/w==")], NOW)
    decoded = ReplayDecoder(decoder()).decode(replayed(tmp_path), NOW)
    assert [document["query"] for document in documents(decoded)] == ["mended"]
    assert b"\n" not in body_of(decoded.entries[0].document)


def test_something_else_in_the_folder_is_rejected_where_it_stands(tmp_path: Path) -> None:
    block = Block("77", 0, b"{}\n\xff\n\n", Position("77", "s", "/state/replay/x", 1, 3, "", 0, 5))
    rejects = ReplayDecoder(decoder()).decode(block, NOW).rejects
    assert [(each.path, each.stream, each.offset) for each in rejects] == [
        ("/state/replay/x", "77", 0),
        ("/state/replay/x", "77", 3),
    ]


def test_the_same_letters_can_be_replayed_after_the_catalogue_was_mended(tmp_path: Path) -> None:
    for _ in range(2):
        hand_over(tmp_path, [letter(b"{", 17)], NOW)
    first, second = sorted(replay_folder(tmp_path, SOURCE).glob("*.jsonl"))
    assert first.read_bytes()[:64] != second.read_bytes()[:64]  # neither passes for a copy of the other
