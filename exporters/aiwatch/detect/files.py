"""Two tables without any server: each chunk of the current one is compared with the reference, value by value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from aiwatch import names
from aiwatch.detect.aspects import Criteria, aspects, describe
from aiwatch.detect.beyond import SHARE, chance_of, finding_of, grave
from aiwatch.detect.contracts import DriftTest, Floats, Outcome
from aiwatch.detect.explain import explain
from aiwatch.detect.multiplicity import holm
from aiwatch.detect.onset import with_onset
from aiwatch.detect.report import explained
from aiwatch.detect.situation import added, situation_of
from aiwatch.detect.tests import relations
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Numeric, Profile
from aiwatch.profiles.result import Claim, Finding, Result, State, result_id
from aiwatch.profiles.tables.columns import Kind, Type, Wanted
from aiwatch.profiles.tables.frames import FrameFold, as_numbers
from aiwatch.profiles.tables.raw import TableError, read_raw
from aiwatch.profiles.tables.typed import Table, read_table
from aiwatch.report import alert_text

ERROR = 0.01  # probability that anything at all is called drift in a run without a change
_SEGMENTS = 2  # features
_PAST = 500  # chunks, in which a change's beginning and its cause are looked for
_SHORT = 12  # values
_END = datetime.max.replace(tzinfo=UTC)
_NONE = datetime(1970, 1, 1, tzinfo=UTC)  # the time of a table without times
_KINDS: dict[str, Kind] = {names.SCORE: "classifier", names.VALUE: "regressor"}


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one chunk. ``first`` and ``last`` are rows of the current table, counted from 0."""

    number: int
    first: int
    last: int
    rows: int
    start: datetime | None
    end: datetime | None
    state: State
    findings: tuple[Finding, ...]
    causes: tuple[Claim, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Piece:
    """Rows of the current table that are tested together, with the times that they span."""

    first: int
    frame: pl.DataFrame
    start: datetime | None = None
    end: datetime | None = None


def read_tables(
    reference: Sequence[str], current: Sequence[str], wanted: Wanted, scratch: Path
) -> tuple[Table, Table, list[str]]:
    """Return both tables, with the columns that both have, and notes on what is left out.

    The reference says of what type a column is, unless ``wanted`` does; what is of another type now is invalid.

    Raises:
        TableError: a file cannot be read, or both have no column in common.
    """
    folders = [scratch / name for name in ("reference", "columns", "current")]
    for folder in folders:
        folder.mkdir()
    before = read_table(reference, wanted, folders[0])
    columns = read_raw(current, folders[1]).columns
    shared: dict[str, Type] = {name: type_ for name, type_ in before.types.items() if name in columns}
    notes = list(before.notes)
    notes += [f"{name}: left out, only the reference has it" for name in before.types if name not in columns]
    if not shared:
        raise TableError(f"{', '.join(current)}: has no feature in common with {', '.join(reference)}")
    if not wanted.types:
        notes += [f"{name}: left out, only the current table has it" for name in columns if name not in before.held]
    kind: Kind | None = None if before.prediction is None else _KINDS[before.prediction]
    output = before.output if before.output in columns else wanted.prediction
    known = replace(wanted, types=shared, kind=kind, prediction=output, tolerated=1.0)
    now = read_table(current, known, folders[2])
    notes += [note for note in now.notes if note not in notes]
    if before.labelled and not now.labelled:
        notes.append(f"{now.files[0]}: no column holds the true outcome, as numbers or booleans: it is not compared")
    if now.prediction != before.prediction:
        if now.prediction is None:
            notes.append(f"{before.output}: left out, only the reference has it")
        now, before = replace(now, prediction=None), replace(before, prediction=None)
    return replace(before, types=shared), now, notes


def segments_of(table: Table) -> list[str]:
    """Return the features whose values a report looks at apart, where nobody says which: the first few short ones."""
    short = (
        name for name, type_ in table.types.items() if type_ == "categorical" and 2 <= _values(table, name) <= _SHORT
    )
    return list(islice(short, _SEGMENTS))


def _values(table: Table, name: str) -> int:
    return int(table.frame.select(pl.col(name).n_unique()).collect().item())


def by_rows(table: Table, rows: int | None, least: int) -> Iterator[Piece]:
    """Yield a table in pieces of so many rows, or whole; a short rest of less than ``least`` goes with the last."""
    rows = rows or table.rows
    ends = list(range(rows, table.rows, rows))
    if ends and table.rows - ends[-1] < least:
        ends.pop()
    for first, end in zip([0, *ends], [*ends, table.rows], strict=True):
        frame = table.frame.slice(first, end - first).collect()
        if table.timed and len(frame):
            yield Piece(first, frame, frame[names.TIMESTAMP].min(), frame[names.TIMESTAMP].max())  # type: ignore[arg-type]
        else:
            yield Piece(first, frame)


def by_time(table: Table, length: timedelta, least: int) -> Iterator[Piece]:
    """Yield a table in pieces of this length of time; pieces of less than ``least`` rows go with the next one.

    Raises:
        TableError: no column holds times, or a row has none, or one at the end of all days.
    """
    if not table.timed:
        raise TableError(f"{table.files[0]}: no column holds the time: name it with --timestamp, or chunk by rows")
    frame = table.frame.collect()
    if lost := frame[names.TIMESTAMP].null_count():
        raise TableError(f"{table.files[0]}: {lost} rows have no time: leave them out, or chunk by rows")
    frame = frame.sort(names.TIMESTAMP, maintain_order=True)
    if (last := frame[names.TIMESTAMP][-1]) > _END - length:
        raise TableError(f"{table.files[0]}: a row has the time {last:%Y-%m-%d}: leave it out, or chunk by rows")
    starts = frame[names.TIMESTAMP].dt.truncate(length)
    kept = [0]
    for bound in np.flatnonzero((starts != starts.shift()).fill_null(False)).tolist():
        if bound - kept[-1] >= least:
            kept.append(bound)
    if len(kept) > 1 and len(frame) - kept[-1] < least:
        kept.pop()
    for first, end in zip(kept, [*kept[1:], len(frame)], strict=True):
        yield Piece(first, frame[first:end], starts[first], starts[end - 1] + length)


@dataclass(frozen=True)
class Compared:
    """What was found: in every chunk, and out of which profiles (one for each model version of a chunk)."""

    baseline: Baseline
    usual: Profile
    profiles: Sequence[Sequence[Profile]]
    chunks: Sequence[Chunk]

    def result(self, chunk: Chunk, process: str) -> Result:
        """Return what was found in a chunk, with everything that a report needs, under the name of a process."""
        window = self.profiles[chunk.number]
        versions = {profile.model_version for profile in window}
        result = Result(
            id=result_id(process, window[0].start),
            time=window[0].start,
            end=window[0].end,
            process=process,
            model_version=versions.pop() if len(versions) == 1 else names.UNKNOWN,
            baseline=self.baseline.fingerprint,
            rows=chunk.rows,
            state=chunk.state,
            findings=chunk.findings,
        )
        past = self.profiles[max(0, chunk.number + 1 - _PAST) : chunk.number + 1]
        windows = [profile for each in past for profile in each]
        clocked = chunk.start is not None
        return explained(result, self.baseline, windows, usual=self.usual, clocked=clocked)


def compare(
    baseline: Baseline,
    reference: Table,
    pieces: Sequence[Piece],
    criteria: Criteria,
    upstream: Mapping[str, Result] | None = None,
) -> Compared:
    """Return what every piece shows; multiplicity is taken care of over all of them and all features together."""
    judge = _Judge(baseline, reference, criteria, min(len(piece.frame) for piece in pieces))
    profiles = [list(judge.profiles(number, piece)) for number, piece in enumerate(pieces)]
    found = [judge.findings(piece, added(each)) for piece, each in zip(pieces, profiles, strict=True)]
    adjusted = iter(holm([finding.p_value / (1 - SHARE) for findings in found for finding in findings]))
    history = [tuple(_judged(finding, next(adjusted)) for finding in findings) for findings in found]
    starts = [each[0].start for each in profiles]
    chance = ERROR * chance_of(len(pieces))
    usually = judge.repeats(reference.frame.head(max(len(piece.frame) for piece in pieces)).collect())
    repeats = [(judge.repeats(piece.frame), usually) for piece in pieces]
    chunks = []
    for number, piece in enumerate(pieces):
        past = slice(max(0, number + 1 - _PAST), number + 1)
        findings = tuple(with_onset(finding, starts[past], history[past]) for finding in history[number])
        windows = [profile for each in profiles[past] for profile in each]
        situation = situation_of(
            baseline,
            windows,
            findings,
            upstream=upstream,
            usual=judge.usual,
            repeats=repeats[number],
            clocked=piece.start is not None,
            chance=chance,
        )
        causes = explain(situation)
        drifted = any(finding.drifted for finding in findings)
        if findings and not drifted and (claims := grave(causes)):
            findings, drifted = (
                (*findings, finding_of(claims[0], situation.since if piece.start else None, chance)),
                True,
            )
        state: State = "drift" if drifted else "ok" if findings else "not_enough_data"
        chunks.append(
            Chunk(
                number=number,
                first=piece.first,
                last=piece.first + len(piece.frame) - 1,
                rows=len(piece.frame),
                start=piece.start,
                end=piece.end,
                state=state,
                findings=findings,
                causes=causes,
                text=alert_text(findings, causes, situation.since if piece.start else None),
            )
        )
    return Compared(baseline, judge.usual, profiles, chunks)


def _judged(finding: Finding, adjusted: float) -> Finding:
    evidence = min(math.log(max(adjusted, 1e-300)) / math.log(ERROR), 100.0)
    drifted = adjusted <= ERROR and finding.effect >= finding.material
    return msgspec.structs.replace(finding, evidence=evidence, drifted=drifted)


class _Judge:
    """Tests pieces, one after the other, against a reference that is looked at once."""

    def __init__(self, baseline: Baseline, reference: Table, criteria: Criteria, rows: int) -> None:
        self._baseline = baseline
        self._criteria = criteria
        self._tests = list(aspects(baseline, criteria, rows))
        self._fold = FrameFold(baseline)
        numbers = [name for name, test in self._tests if test.on_values is not None]
        frame = reference.frame.select(numbers).collect()
        self._values = {name: _finite(frame[name]) for name in numbers}
        self._related = relations.correlations(baseline.source.rows, baseline.sums, baseline.products)

        self.usual = added(list(self._fold.by_version(reference.frame.collect(), _NONE, _NONE)))

    def profiles(self, number: int, piece: Piece) -> Iterator[Profile]:
        """Return a profile of each model version; pieces without times lie as hours behind each other."""
        start = piece.start or _NONE + number * timedelta(hours=1)
        return self._fold.by_version(piece.frame, start, piece.end or start + timedelta(hours=1))

    def repeats(self, frame: pl.DataFrame) -> tuple[int, int]:
        """Return how many different rows come more than once, and how many different ones there are."""
        rows = frame.select(list(self._baseline.features))
        different = rows.n_unique()
        return different - int(rows.is_unique().sum()), different

    def findings(self, piece: Piece, profile: Profile) -> list[Finding]:
        """Return what every test says, before multiplicity; nothing for a piece with too few rows."""
        if len(piece.frame) < self._criteria.min_rows:
            return []
        found = [self._finding(name, test, piece, profile) for name, test in self._tests]
        if len(self._baseline.relations) > 1:
            now = relations.correlations(profile.rows, profile.sums, profile.products)
            outcome = relations.compare(self._related, self._baseline.source.rows, now, profile.rows)
            material = self._criteria.material_relation
            found.append(_finding(names.RELATIONS, relations.NAME, outcome, material))
        return found

    def _finding(self, name: str, test: DriftTest, piece: Piece, profile: Profile) -> Finding:
        feature, counts = self._baseline.features[name], profile.features[name]
        if test.on_values is not None and isinstance(feature.shape, Numeric):
            outcome = test.on_values(self._values[name], _finite(piece.frame[name]))
        else:
            outcome = test.on_counts(feature, counts)
        how = describe(test, feature, counts)
        return _finding(name, test.name, outcome, self._criteria.material(test), how)


def _finding(name: str, test: str, outcome: Outcome, material: float, how: str = "") -> Finding:
    return Finding(
        feature=name,
        test=test,
        statistic=outcome.statistic,
        p_value=outcome.p_value,
        effect=outcome.effect,
        material=material,
        evidence=0.0,
        drifted=False,
        how=how,
    )


def _finite(column: pl.Series) -> Floats:
    values = as_numbers(column)
    return values[np.isfinite(values)]
