"""Files into one table of which every column is typed: features, the model's output, the time, the outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aiwatch import names
from aiwatch.profiles.tables import values
from aiwatch.profiles.tables.columns import LABEL, Type, Wanted, find_roles, look_over
from aiwatch.profiles.tables.raw import TableError, read_raw, short_line

_CHUNK = 100_000
_OTHER_SCORE = "name another column with --score"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with typed columns.

    ``output`` is how the files call the model's output, ``held`` are all columns that they have.
    ``frame`` has a column per feature (numbers as Float64, where infinity stands for a value of the wrong type;
    categories as String, where `NO_VALUE` does), and, as far as there are any, the model's output as `names.SCORE` or
    `names.VALUE` (see ``prediction``), the time as `names.TIMESTAMP`, the outcome as `LABEL`, the version of the model
    as `VERSION`, seconds until the answer as `LATENCY`, and as `ERROR` whether there was none.
    """

    frame: pl.LazyFrame
    types: Mapping[str, Type]
    prediction: str | None
    timed: bool
    labelled: bool
    rows: int
    files: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...]
    output: str | None = None
    held: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, Type]:
        """Every column that is profiled: the features, and the model's output at the end."""
        return {**self.types, **({} if self.prediction is None else {self.prediction: "numeric"})}

    def chunks(self, rows: int = _CHUNK) -> Iterator[pl.DataFrame]:
        """Return the table piece by piece."""
        for start in range(0, self.rows, rows):
            yield self.frame.slice(start, rows).collect()


def read_table(patterns: Sequence[str], wanted: Wanted, scratch: Path) -> Table:
    """Return the table that files make together, with every column named and typed.

    :param patterns: files of one form, or glob patterns.
    :param scratch: an empty folder for what has to be written anew; the table needs it as long as it is used.

    Raises:
        TableError: the files cannot be read, or are not what is wanted of them.
    """
    raw = read_raw(patterns, scratch)
    columns, rows = look_over(raw)
    if not rows:
        raise TableError(f"{raw.files[0]}: has no rows")
    notes: list[str] = []
    if raw.text and not raw.marked and columns[raw.columns[-1]].held < rows and (short := short_line(raw)):
        notes.append(short)
    roles = find_roles(raw, columns, rows, wanted, notes)
    tolerated = wanted.tolerated
    chosen = [values.as_feature(raw, columns[name], type_, notes, tolerated) for name, type_ in roles.types.items()]
    if roles.prediction is not None and roles.output is not None:
        output = values.as_number(raw, columns[roles.output], notes, _OTHER_SCORE, tolerated)
        chosen.append(output.alias(roles.prediction))
        notes.append(f"{roles.output}: the model's {roles.prediction}")
    if roles.time is not None:
        chosen.append(values.as_time(raw, columns[roles.time]).alias(names.TIMESTAMP))
        notes.append(f"{roles.time}: the time")
    if roles.label is not None:
        chosen.append(values.as_outcome(raw, columns[roles.label], notes).alias(LABEL))
        notes.append(f"{roles.label}: the true outcome")
    chosen += values.of_service(raw, columns, roles.taken)
    return Table(
        _written(raw.frame.select(chosen), scratch) if raw.text else raw.frame.select(chosen),
        roles.types,
        roles.prediction,
        roles.time is not None,
        roles.label is not None,
        rows,
        raw.files,
        raw.sha256,
        tuple(notes),
        roles.output,
        raw.columns,
    )


def _written(frame: pl.LazyFrame, scratch: Path) -> pl.LazyFrame:
    """Return a frame that is not made of text again each time somebody looks at it."""
    path = scratch / "typed.parquet"
    frame.sink_parquet(path)
    return pl.scan_parquet(path)
