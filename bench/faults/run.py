"""Injects a fault, and makes the table and the figures of what became of all of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.faults.fault import Fault, SkippedError
from bench.faults.rig import Rig, RigError
from bench.faults.verdict import Verdict, judge
from bench.faults.world import World
from bench.report import Figure

_MOST_COMPLAINTS = 10
_HEAD = ("fault", "injected", "lines", "documents", "counted", "increase", "letters", "duplicates", "lost", "off", "s")


@dataclass(frozen=True, slots=True)
class Row:
    """A fault and what became of it.

    Args:
        title: of the fault.
        verdict: None when it was skipped, or when the exporter did not do what it must.
        seconds: that it took.
        complaints: whatever was not as it must be, in words.
        skipped: why the fault could not be injected here, if so.
    """

    title: str
    verdict: Verdict | None
    seconds: float
    complaints: tuple[str, ...] = ()
    skipped: str = ""


def inject(world: World, fault: Fault, times: int) -> Row:
    """Inject a fault so often, and judge what became of it."""
    began = time.monotonic()
    verdict: Verdict | None = None
    complaints: tuple[str, ...] = ()
    skipped = ""
    try:
        with Rig(world, fault.name) as rig:
            verdict = judge(rig, fault.inject(rig, times))
        complaints = _complaints(verdict)
    except SkippedError as error:
        skipped = str(error)
    except (RigError, OSError, subprocess.TimeoutExpired) as error:
        complaints = (str(error),)
    return Row(fault.title, verdict, time.monotonic() - began, complaints, skipped)


def _complaints(verdict: Verdict) -> tuple[str, ...]:
    said = list(verdict.wrong[:_MOST_COMPLAINTS])
    if len(verdict.wrong) > len(said):
        said.append(f"and {len(verdict.wrong) - len(said)} more")
    pairs = {
        "documents": (verdict.documents, verdict.expected_documents),
        "dead letters": (verdict.letters, verdict.expected_letters),
        "duplicates": (verdict.duplicates, 0),
        "lost lines": (verdict.lost, 0),
    }
    return *said, *(f"{found} {name}, not {right}" for name, (found, right) in pairs.items() if found != right)


def table(rows: Sequence[Row]) -> str:
    """Return the table, a line for each fault."""
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    found = row.verdict
    if found is None:
        return (row.title, "skipped" if row.skipped else "FAILED", *[""] * (len(_HEAD) - 3), f"{row.seconds:.0f}")
    numbers = (found.injected, found.lines, found.documents, found.counted, round(found.seen), found.letters)
    verdicts = (found.duplicates, found.lost, len(found.wrong))
    return (row.title, *(f"{number:,}" for number in (*numbers, *verdicts)), f"{row.seconds:.0f}")


def figures(rows: Sequence[Row], minutes: float) -> list[Figure]:
    """Return the figures to report: for each fault what was lost, doubled, or shown otherwise than it was."""
    made: list[Figure] = []
    for row in rows:
        if row.skipped:
            continue
        if row.verdict is None:
            made.append(Figure(f"{row.title}: failed", 1, "times", "<= 0"))
            continue
        found = row.verdict
        short = max(0, found.expected_documents - found.documents) + max(0, found.expected_letters - found.letters)
        made += [
            Figure(f"{row.title}: injected", found.injected, "times"),
            Figure(f"{row.title}: lines", found.lines, "lines"),
            Figure(f"{row.title}: documents", found.documents, "documents"),
            Figure(f"{row.title}: events counted", found.counted, "events"),
            Figure(f"{row.title}: dead letters", found.letters, "letters"),
            Figure(f"{row.title}: duplicates", found.duplicates, "lines", "<= 0"),
            Figure(f"{row.title}: lost", max(found.lost, short), "lines", "<= 0"),
            Figure(f"{row.title}: figures off", len(found.wrong), "figures", "<= 0"),
        ]
    return [
        *made,
        Figure("kills, stops and other faults", _injected(rows), "times"),
        Figure("all of it", minutes, "min", "<= 20"),
    ]


def _injected(rows: Sequence[Row]) -> int:
    return sum(row.verdict.injected for row in rows if row.verdict is not None)
