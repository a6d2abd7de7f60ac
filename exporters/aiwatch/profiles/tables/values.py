"""The values of a column: numbers, categories, times and outcomes, with those that are of the wrong type told apart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from aiwatch.profiles.tables.columns import ERROR, LATENCY, TOLERATED, VERSION, Column, Type
from aiwatch.profiles.tables.raw import FILE, LINE, NO_VALUE, TEXT_MARK, Raw, TableError
from aiwatch.profiles.tables.times import epoch_unit, from_text

_FRACTION = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"


def as_feature(raw: Raw, column: Column, type_: Type, notes: list[str], tolerated: float) -> pl.Expr:
    """Return a column as the feature that it is; see `as_number`."""
    if type_ == "numeric":
        return as_number(raw, column, notes, tolerated=tolerated).alias(column.name)
    return _category(raw, column).alias(column.name)


def as_number(
    raw: Raw,
    column: Column,
    notes: list[str],
    else_: str = "say in the catalogue that it is categorical",
    tolerated: float = TOLERATED,
) -> pl.Expr:
    """Return a column as numbers: what is none is infinite, what JSON has no number for is missing.

    :param else_: what to do about a column of something else.
    :param tolerated: the share of something else that is no error.
    """
    value = pl.col(column.name)
    if column.is_text:
        number = value.str.strip_chars(" ").cast(pl.Float64, strict=False)
        if column.numbers < column.held:
            notes.append(_invalid(raw, column, value.is_not_null() & number.is_null(), else_, tolerated))
        number = pl.when(number.is_finite() | number.is_null()).then(number)
        wrong = value.is_not_null() & value.str.strip_chars(" ").cast(pl.Float64, strict=False).is_null()
        return pl.when(wrong).then(pl.lit(float("inf"))).otherwise(number)
    if column.dtype == pl.Null:  # as pandas writes a column without any value
        return value.cast(pl.Float64)
    if not column.dtype.is_numeric():
        if tolerated < 1:
            what = f"column {column.name!r} is of type {column.dtype}, which is not a number"
            raise TableError(f"{raw.files[0]}: {what}; {else_}, or mend the file")
        notes.append(f"{column.name}: is of type {column.dtype} in {raw.files[0]}, and counts as invalid")
        return pl.when(value.is_not_null()).then(pl.lit(float("inf")))
    number = value.cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def _category(raw: Raw, column: Column) -> pl.Expr:
    """Return a column as categories, written as JSON writes them."""
    value = pl.col(column.name)
    if raw.marked:
        wrong = value.str.contains(_FRACTION) & value.str.contains(r"[.eE]")
        return pl.when(wrong).then(pl.lit(NO_VALUE)).otherwise(value.str.strip_prefix(TEXT_MARK))
    if column.is_text:
        if column.is_flag:
            return value.str.to_lowercase()
        return value.str.replace(r"^(-?\d+)\.0+$", "${1}")  # whole numbers beside missing ones, as pandas writes them
    if column.dtype.is_float():
        number = pl.when(value.is_finite()).then(value)
        whole = number.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(number.is_null() | (number == number.floor())).then(whole).otherwise(pl.lit(NO_VALUE))
    if column.dtype.is_nested():
        raise TableError(f"{raw.files[0]}: column {column.name!r} is of type {column.dtype}, which is no category")
    return value.cast(pl.String)


def as_outcome(raw: Raw, column: Column, notes: list[str]) -> pl.Expr:
    """Return the true outcome as a number; true is 1. What is none is missing."""
    if column.is_flag:
        text = pl.col(column.name).cast(pl.String).str.to_lowercase()
        return pl.when(text.is_not_null()).then((text == "true").cast(pl.Float64))
    number = as_number(raw, column, notes, "name another column with --label")
    return pl.when(number.is_finite()).then(number)


def of_service(raw: Raw, columns: Mapping[str, Column], but: Collection[str]) -> Iterator[pl.Expr]:
    """Yield what the fields of a prediction say of the service that answered, as far as they are there."""
    for name in {VERSION, LATENCY, ERROR} & columns.keys() - but:
        column, value = columns[name], pl.col(name)
        if name == VERSION:
            yield _category(raw, column).alias(VERSION)
        elif name == LATENCY and column.is_number:
            yield value.cast(pl.Float64, strict=False).alias(LATENCY)
        elif name == ERROR and (column.is_number or column.is_flag or column.is_text):
            text = value.cast(pl.String).str.strip_prefix(TEXT_MARK).str.to_lowercase()
            yield (text.is_not_null() & ~text.is_in(["", "0", "0.0", "false"])).alias(ERROR)


def as_time(raw: Raw, column: Column) -> pl.Expr:
    """Return a column as times in UTC; a time without a zone counts as UTC."""
    value = pl.col(column.name)
    if column.dtype.is_temporal():
        if column.dtype == pl.Date or getattr(column.dtype, "time_zone", None) is None:
            return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return value.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if column.is_number:
        unit = epoch_unit(float(str(column.example)))
        if unit is None:
            raise TableError(f"{raw.files[0]}: column {column.name!r} holds {column.example}, which is no time")
        micros = value.cast(pl.Float64) * (1_000_000 / unit)
        return micros.cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = value.str.strip_prefix(TEXT_MARK)
    time = from_text(text)
    wrong = value.is_not_null() & time.is_null()
    found = raw.frame.filter(wrong).select(FILE, LINE, column.name).head(1).collect()
    if len(found):
        row = found.row(0, named=True)
        shown = row[column.name].removeprefix(TEXT_MARK)
        raise TableError(
            f"{raw.place(row)}: {shown!r} in column {column.name!r} is no time: write RFC 3339, or seconds"
        )
    return time


def _invalid(raw: Raw, column: Column, wrong: pl.Expr, else_: str, tolerated: float) -> str:
    """Return a note of the values that are not numbers; too many of them are an error that shows the first."""
    number = column.held - column.numbers
    row = raw.frame.filter(wrong).select(FILE, LINE, column.name).head(1).collect().row(0, named=True)
    value = str(row[column.name]).removeprefix(TEXT_MARK)
    shown = "a list or an object" if value == NO_VALUE else repr(value[:100])
    what = f"column {column.name!r} holds {shown}, which is not a number"
    if number > tolerated * column.held:
        raise TableError(
            f"{raw.place(row)}: {what}; {number} of {column.held} values are not: {else_}, or mend the file"
        )
    return f"{column.name}: {number} values are not a number and count as invalid (the first in {raw.place(row)})"
