"""What was found in two tables, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from aiwatch.detect.files import ERROR, Chunk
from aiwatch.detect.tests import SHARES
from aiwatch.profiles.result import Finding

_WIDEST = 60  # cell
_RARELY = [test.name for test in SHARES]  # shown only if there are any


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result of a run, as ``--json`` prints it.

    ``error`` is the probability that anything at all is called drift in a run without a change.
    """

    reference: tuple[str, ...]
    current: tuple[str, ...]
    reference_rows: int
    current_rows: int
    error: float = ERROR
    drifted: tuple[str, ...]  # features
    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...]


def drifted(chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """Return the features that drifted in any chunk, in the order of the tests."""
    return tuple(dict.fromkeys(each.feature for chunk in chunks for each in chunk.findings if each.drifted))


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield what people read: notes, a table by chunk, a table by feature, and the verdict."""
    for note in comparison.notes:
        yield f"  {note}"
    chunks = comparison.chunks
    yield f"reference: {comparison.reference_rows} rows; current: {comparison.current_rows} rows"
    yield ""
    timed = any(chunk.start for chunk in chunks)
    yield from _table([("chunk", "rows", *(["from"] if timed else []), "state", "drifted")], (_row(c) for c in chunks))
    found = [each for chunk in chunks for each in chunk.findings]
    unmoved = {(each.feature, each.test) for each in found if each.test in _RARELY}
    unmoved -= {(each.feature, each.test) for each in found if each.statistic or each.effect}
    tests = [key for key in dict.fromkeys((each.feature, each.test) for each in found) if key not in unmoved]
    if tests:
        yield ""
        title = ("feature", "test", "effect", "material", "drifted in", "how")
        yield from _table([title], (_summary(key, chunks) for key in tests))
    yield ""
    few = sum(chunk.state == "not_enough_data" for chunk in chunks)
    if few:
        yield f"not enough data in {few} of {len(chunks)} chunks"
    if comparison.drifted:
        yield f"drift: {', '.join(comparison.drifted)}"
    elif few < len(chunks):
        yield "no drift"
    told = told_chunk(chunks)
    if told.causes:
        yield ""
        yield f"why (chunk {told.number}):" if len(chunks) > 1 else "why:"
        yield from (f"  {line}" for line in told.text.splitlines())


def as_told(chunk: Chunk) -> Chunk:
    """Return a chunk without the times that stand for its place where rows have none."""
    if chunk.start is not None:
        return chunk
    return replace(chunk, findings=tuple(replace(finding, since=None) for finding in chunk.findings))


def told_chunk(chunks: Sequence[Chunk]) -> Chunk:
    """Return the chunk that a report is about: the last one that drifted, or that has a cause, or the last one."""
    return next((c for c in reversed(chunks) if c.state == "drift" or c.causes), chunks[-1])


def _row(chunk: Chunk) -> tuple[str, ...]:
    names = ", ".join(dict.fromkeys(each.feature for each in chunk.findings if each.drifted))
    time = (f"{chunk.start:%Y-%m-%d %H:%M}",) if chunk.start else ()
    return (str(chunk.number), str(chunk.rows), *time, chunk.state.replace("_", " "), names)


def _summary(key: tuple[str, str], chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """Return the row of a test: its largest effect, where that was material, and how the values changed there."""
    found = [(chunk, each) for chunk in chunks for each in chunk.findings if (each.feature, each.test) == key]
    largest: Finding = max((each for _, each in found), key=lambda each: (each.drifted, each.effect))
    where = ranges([chunk.number for chunk, each in found if each.drifted])
    return (*key, f"{largest.effect:.4f}", f"{largest.material:g}", where, largest.how if largest.drifted else "")


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in short.

    >>> ranges([1, 5, 6, 7])
    '1, 5-7'
    """
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ", ".join(str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups)


def _cell(text: str) -> str:
    """Return a text for a cell: on one line, and not so long that the others are out of sight.

    >>> _cell("two\\nlines"), len(_cell("n" * 5000))
    ('two lines', 60)
    """
    plain = " ".join(text.split())
    return plain if len(plain) <= _WIDEST else f"{plain[: _WIDEST - 3]}..."


def _table(head: list[tuple[str, ...]], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    cells = [(*map(_cell, row[:-1]), " ".join(row[-1].split())) for row in (*head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head[0]))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
