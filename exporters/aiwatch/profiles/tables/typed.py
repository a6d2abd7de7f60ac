"""What the columns of a table are: features with their types, the model's output, the time, the outcome.

The catalogue says which features there are and of what type. Where it says nothing, the data does: text, booleans and
whole numbers with few values are categories, other numbers are numbers; what names a row (ids), what is a time, and
what is free text is left out, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from aiwatch import names
from aiwatch.hints import did_you_mean
from aiwatch.profiles.tables.raw import FILE, LINE, NO_VALUE, TEXT_MARK, Raw, TableError, read_raw, short_line, trouble

Type = Literal["numeric", "categorical"]
Kind = Literal["classifier", "regressor"]

LABEL = "label"
VERSION = "model_version"
LATENCY = "latency"
ERROR = "error"
SCORE_NAMES = (names.SCORE, "y_pred_proba", "y_score", "proba", "probability", "predict_proba", "prediction", "y_pred")
VALUE_NAMES = (names.VALUE, "prediction", "predicted", "predicted_value", "y_pred", "y_hat", "yhat")
TIME_NAMES = (names.TIMESTAMP, "timestamp", "time", "datetime", "event_time", "created_at", "date", "ts")
LABEL_NAMES = (LABEL, "y_true", "target", "outcome", "ground_truth", "actual")
OTHER_NAMES = (
    *("decision", "y_pred", "predicted_class", LATENCY, "model", VERSION, "trace_id", ERROR),
    *("type", "process", "log", "attributes", "_index", "_id"),
)
"""Fields of a prediction that are no features."""

FEW = 20  # whole numbers with at most so many values are categories
_MANY = 0.5  # text with more different values than this share of rows is free text
_EACH = 0.9  # and whole numbers with more than this are ids, if their name says so
_TOLERATED = 0.01  # share of values of the wrong type that are counted as invalid
_CHUNK = 100_000
_TIME = r"^(\d{4}[-/]\d\d[-/]\d\d)(?:[T t](\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s?(?:([Zz]|[+-]\d\d)(?::?(\d\d))?)?)?$"
_FRACTION = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a table before it is read.

    Attributes:
        types: the features that the catalogue names; with none the data says which there are.
        kind: of model, which says how its output is called; None when that is not known.
        prediction: the column with the model's output.
        time: the column with the time.
        label: the column with the true outcome.
    """

    types: Mapping[str, Type] = field(default_factory=dict)
    kind: Kind | None = None
    prediction: str | None = None
    time: str | None = None
    label: str | None = None


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


@dataclass(frozen=True, slots=True)
class _Column:
    """What a look over all rows says of a column."""

    name: str
    dtype: pl.DataType
    held: int
    distinct: int
    numbers: int  # values that read as a number
    whole: int  # values that read as a whole number
    flags: int  # values that read as a boolean
    fractions: int  # values that read as a number with a fraction
    example: Any

    @property
    def is_text(self) -> bool:
        return self.dtype == pl.String

    @property
    def is_number(self) -> bool:
        return self.held > 0 and (self.dtype.is_numeric() if not self.is_text else self.numbers == self.held)

    @property
    def is_mostly_number(self) -> bool:
        """Whether so few values are no number that they count as invalid ones."""
        return self.is_number or (self.is_text and self.held - self.numbers <= _TOLERATED * self.held)

    @property
    def is_whole(self) -> bool:
        return self.held > 0 and self.whole == self.held

    @property
    def is_flag(self) -> bool:
        return self.held > 0 and (self.dtype == pl.Boolean or self.flags == self.held)


def read_table(patterns: Sequence[str], wanted: Wanted, scratch: Path) -> Table:
    """Return the table that files make together, with every column named and typed.

    :param patterns: files of one form, or glob patterns.
    :param scratch: an empty folder for what has to be written anew; the table needs it as long as it is used.

    Raises:
        TableError: the files cannot be read, or are not what is wanted of them.
    """
    raw = read_raw(patterns, scratch)
    columns, rows = _look_over(raw)
    if not rows:
        raise TableError(f"{raw.files[0]}: has no rows")
    notes: list[str] = []
    if raw.text and not raw.marked and columns[raw.columns[-1]].held < rows and (short := short_line(raw)):
        notes.append(short)
    time = _named(raw, wanted.time, "--timestamp") or _guess_time(columns, wanted)
    prediction, column = _prediction(raw, columns, wanted)
    taken = {each for each in (time, column) if each}
    label = _named(raw, wanted.label, "--label") or _guess(columns, LABEL_NAMES, {*wanted.types, *taken}, _may_be_label)
    taken |= {label} if label else set()
    types = _declared(raw, wanted) if wanted.types else dict(_typed_by_data(columns, rows, taken, notes))
    if not types and column is None:
        why = f" ({'; '.join(notes[:5])})" if notes else ""
        raise TableError(f"{raw.files[0]}: no column is a feature{why}; name features in the catalogue")
    chosen = [_feature(raw, columns[name], type_, notes) for name, type_ in types.items()]
    if prediction is not None and column is not None:
        chosen.append(_number(raw, columns[column], notes).alias(prediction))
        notes.append(f"{column}: the model's {prediction}")
    if time is not None:
        chosen.append(_time(raw, columns[time]).alias(names.TIMESTAMP))
        notes.append(f"{time}: the time")
    if label is not None:
        chosen.append(_outcome(raw, columns[label], notes).alias(LABEL))
        notes.append(f"{label}: the true outcome")
    chosen += _service(raw, columns, {*types, *taken})
    return Table(
        _written(raw.frame.select(chosen), scratch) if raw.text else raw.frame.select(chosen),
        types,
        prediction,
        time is not None,
        label is not None,
        rows,
        raw.files,
        raw.sha256,
        tuple(notes),
        column,
        raw.columns,
    )


def _written(frame: pl.LazyFrame, scratch: Path) -> pl.LazyFrame:
    """Return a frame that is not made of text again each time somebody looks at it."""
    path = scratch / "typed.parquet"
    frame.sink_parquet(path)
    return pl.scan_parquet(path)


# -- which column is what ------------------------------------------------------------------------------


def _look_over(raw: Raw) -> tuple[dict[str, _Column], int]:
    """Return what every column holds, in one pass over all rows, and how many rows there are."""
    schema = raw.frame.collect_schema()
    asked: list[pl.Expr] = [pl.len().alias(LINE)]
    for place, name in enumerate(raw.columns):
        column, dtype = pl.col(name), schema[name]
        held = column.drop_nulls()
        numbers = whole = flags = fractions = pl.lit(0)
        if dtype == pl.String:
            plain = column.str.strip_chars(" ")
            as_number = plain.cast(pl.Float64, strict=False)
            numbers = as_number.is_not_null().sum()
            whole = (as_number == as_number.floor()).sum()
            fractions = plain.str.contains(r"[.eE]").sum()
            flags = column.str.to_lowercase().is_in(["true", "false"]).sum()
        elif dtype.is_integer():
            whole = column.is_not_null().sum()
        elif dtype.is_float():
            whole = (column == column.floor()).sum()
            fractions = column.is_not_null().sum()
        distinct = held.approx_n_unique() if not dtype.is_nested() else pl.lit(0)
        example = held.first() if not dtype.is_nested() else pl.lit(None)
        each = (column.is_not_null().sum(), distinct, numbers, whole, flags, fractions, example)
        asked += [expression.alias(f"{place}/{number}") for number, expression in enumerate(each)]
    try:
        row = raw.frame.select(asked).collect(engine="streaming").row(0, named=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise trouble(raw, error) from None
    found = {
        name: _Column(name, schema[name], *(row[f"{place}/{number}"] for number in range(7)))
        for place, name in enumerate(raw.columns)
    }
    return found, row[LINE]


def _named(raw: Raw, name: str | None, option: str) -> str | None:
    """Return the column that an option names, which must be there."""
    if name is not None and name not in raw.columns:
        raise TableError(f"{raw.files[0]}: {option} {name}: there is no such column; {did_you_mean(name, raw.columns)}")
    return name


def _guess(columns: Mapping[str, _Column], usual: Sequence[str], but: Collection[str], fits: Any) -> str | None:
    """Return the first column with one of the usual names (in any case) that fits."""
    by_plain = {name.lower(): name for name in reversed(list(columns))}
    for name in usual:
        there = by_plain.get(name)
        if there is not None and there not in but and fits(columns[there]):
            return there
    return None


def _guess_time(columns: Mapping[str, _Column], wanted: Wanted) -> str | None:
    """Return the column with the usual name of a time, else the only one that holds times."""
    found = _guess(columns, TIME_NAMES, wanted.types, _may_be_time)
    others = [each.name for each in columns.values() if each.name not in wanted.types and _holds_times(each)]
    return found or (others[0] if len(others) == 1 else None)


def _holds_times(column: _Column) -> bool:
    """Tell whether a column holds times that cannot be mistaken for anything else."""
    return column.dtype.is_temporal() or (column.is_text and not column.is_number and _is_time_text(column.example))


def _may_be_time(column: _Column) -> bool:
    if column.is_number:
        return _epoch_unit(float(str(column.example))) is not None
    return _holds_times(column)


def _may_be_label(column: _Column) -> bool:
    return column.is_number or column.is_flag


def _may_be_prediction(column: _Column) -> bool:
    return column.is_number and not column.is_flag


def _prediction(raw: Raw, columns: Mapping[str, _Column], wanted: Wanted) -> tuple[str | None, str | None]:
    """Return how the model's output is called, and in which column it stands."""
    usual = {"classifier": (SCORE_NAMES,), "regressor": (VALUE_NAMES,), None: (SCORE_NAMES, VALUE_NAMES)}[wanted.kind]
    column = _named(raw, wanted.prediction, "--score")
    for group in usual:
        column = column or _guess(columns, group, wanted.types, _may_be_prediction)
    if column is None:
        return None, None
    low, high = _range(raw, columns[column])
    within = low >= 0.0 and high <= 1.0
    kind = wanted.kind or ("classifier" if within else "regressor")
    if kind == "classifier" and not within:
        hint = "a score lies between 0 and 1: name the right column with --score"
        raise TableError(f"{raw.files[0]}: column {column!r} holds numbers from {low:g} to {high:g}; {hint}")
    return (names.SCORE if kind == "classifier" else names.VALUE), column


def _range(raw: Raw, column: _Column) -> tuple[float, float]:
    value = pl.col(column.name).cast(pl.Float64, strict=False).fill_nan(None)
    low, high = raw.frame.select(value.min().alias("low"), value.max().alias("high")).collect().row(0)
    return (0.0, 0.0) if low is None else (low, high)


def _declared(raw: Raw, wanted: Wanted) -> dict[str, Type]:
    """Return the features that the catalogue names; all of them must be there."""
    missing = [name for name in wanted.types if name not in raw.columns]
    if missing:
        others = [name for name in raw.columns if name not in wanted.types]
        hints = "; ".join(f"{name}: {did_you_mean(name, others) or 'nothing like it is there'}" for name in missing[:5])
        raise TableError(f"{raw.files[0]}: {len(missing)} of the catalogue's features are missing: {hints}")
    return dict(wanted.types)


def _typed_by_data(
    columns: Mapping[str, _Column], rows: int, taken: Collection[str], notes: list[str]
) -> Iterator[tuple[str, Type]]:
    for column in columns.values():
        if column.name in taken:
            continue
        why = _why_left_out(column, rows)
        if why:
            notes.append(f"{column.name or 'a column without a name'}: left out, {why}")
        elif column.is_flag or (column.is_whole and not column.fractions and column.distinct <= FEW):
            yield column.name, "categorical"
        elif column.is_number or (column.is_mostly_number and _is_many(column, rows)):
            yield column.name, "numeric"
        else:
            yield column.name, "categorical"


def _why_left_out(column: _Column, rows: int) -> str:
    """Return why a column is no feature, or nothing."""
    if not column.held:
        return "it is empty"
    if column.name.lower() in OTHER_NAMES:
        return "it is a field of the prediction"
    if column.name in (names.RELATIONS, names.VOLUME, names.SCORE, names.VALUE):
        return "the name is aiwatch's own"
    if _holds_times(column):
        return "it is a time"
    if not (column.is_text or column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Categorical, pl.Enum)):
        return f"it is of type {column.dtype}"
    if column.is_text and column.distinct == 1 and column.example == NO_VALUE:
        return "it holds lists or objects"
    if column.is_whole and not column.fractions:
        return "it names the row" if _is_id(column.name) and column.distinct > _EACH * column.held else ""
    return "it has about as many values as rows" if _is_many(column, rows) and not column.is_mostly_number else ""


def _is_many(column: _Column, rows: int) -> bool:
    """Tell whether a column of text has too many values for categories."""
    return column.distinct > _MANY * column.held and rows > 5 * FEW


def _is_id(name: str) -> bool:
    """Tell whether a column's name says that it is an id.

    >>> [_is_id(name) for name in ("id", "customer_id", "Unnamed: 0", "", "paid")]
    [True, True, True, True, False]
    """
    plain = name.lower()
    return plain in ("", "id", "index", "uuid", "row", "key") or plain.endswith(("_id", " id")) or "unnamed" in plain


def _is_time_text(text: Any) -> bool:
    """Tell whether a text is a date or a time, as ISO 8601 writes it."""
    plain = str(text).removeprefix(TEXT_MARK)
    if len(plain) < len("2026-03-01") or not plain[:4].isdecimal() or plain[4] not in "-/":
        return False
    return pl.select(_as_time(pl.lit(plain))).item() is not None


def _as_time(text: pl.Expr) -> pl.Expr:
    """Return ISO 8601's texts as times in UTC, each by itself, for fractions and zones come and go within a column.

    >>> texts = ["2026-03-01", "2026/03/01 12:00", "2026-03-01T12:00:00.5+05:30", "2026-03-01 12:00:00+00", "1 March"]
    >>> for time in pl.select(_as_time(pl.lit(pl.Series(texts)))).to_series(): print(time)
    2026-03-01 00:00:00+00:00
    2026-03-01 12:00:00+00:00
    2026-03-01 06:30:00.500000+00:00
    2026-03-01 12:00:00+00:00
    None
    """
    parts = text.str.strip_chars(" ").str.extract_groups(_TIME)
    day, clock, rest, zone, minutes = (parts.struct.field(str(number)) for number in range(1, 6))
    whole = pl.concat_str(
        day.str.replace_all("/", "-", literal=True),
        pl.lit("T"),
        clock.fill_null("00:00"),
        rest.fill_null(":00"),
        zone.fill_null("+00").str.to_uppercase().replace("Z", "+00"),
        pl.lit(":"),
        minutes.fill_null("00"),
    )
    return whole.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


# -- the values of a column ------------------------------------------------------------------------------


def _feature(raw: Raw, column: _Column, type_: Type, notes: list[str]) -> pl.Expr:
    if type_ == "numeric":
        return _number(raw, column, notes).alias(column.name)
    return _category(raw, column).alias(column.name)


def _number(raw: Raw, column: _Column, notes: list[str]) -> pl.Expr:
    """Return a column as numbers: what is none is infinite, what JSON has no number for is missing."""
    value = pl.col(column.name)
    if column.is_text:
        number = value.str.strip_chars(" ").cast(pl.Float64, strict=False)
        _tolerate(raw, column, value.is_not_null() & number.is_null(), column.held - column.numbers, "a number", notes)
        number = pl.when(number.is_finite() | number.is_null()).then(number)
        wrong = value.is_not_null() & value.str.strip_chars(" ").cast(pl.Float64, strict=False).is_null()
        return pl.when(wrong).then(pl.lit(float("inf"))).otherwise(number)
    if not column.dtype.is_numeric():
        what = f"the catalogue says that {column.name!r} is numeric, but it is of type {column.dtype}"
        raise TableError(f"{raw.files[0]}: {what}; change its type there, or name the right file")
    number = value.cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def _category(raw: Raw, column: _Column) -> pl.Expr:
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


def _outcome(raw: Raw, column: _Column, notes: list[str]) -> pl.Expr:
    """Return the true outcome as a number; true is 1. What is none is missing."""
    if column.is_flag:
        text = pl.col(column.name).cast(pl.String).str.to_lowercase()
        return pl.when(text.is_not_null()).then((text == "true").cast(pl.Float64))
    number = _number(raw, column, notes)
    return pl.when(number.is_finite()).then(number)


def _service(raw: Raw, columns: Mapping[str, _Column], but: Collection[str]) -> Iterator[pl.Expr]:
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


def _time(raw: Raw, column: _Column) -> pl.Expr:
    """Return a column as times in UTC; a time without a zone counts as UTC."""
    value = pl.col(column.name)
    if column.dtype.is_temporal():
        if column.dtype == pl.Date or getattr(column.dtype, "time_zone", None) is None:
            return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return value.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if column.is_number:
        unit = _epoch_unit(float(str(column.example)))
        if unit is None:
            raise TableError(f"{raw.files[0]}: column {column.name!r} holds {column.example}, which is no time")
        micros = value.cast(pl.Float64) * (1_000_000 / unit)
        return micros.cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = value.str.strip_prefix(TEXT_MARK)
    time = _as_time(text)
    wrong = value.is_not_null() & time.is_null()
    found = raw.frame.filter(wrong).select(FILE, LINE, column.name).head(1).collect()
    if len(found):
        row = found.row(0, named=True)
        shown = row[column.name].removeprefix(TEXT_MARK)
        raise TableError(
            f"{raw.place(row)}: {shown!r} in column {column.name!r} is no time: write RFC 3339, or seconds"
        )
    return time


def _epoch_unit(value: float) -> int | None:
    """Return how many parts of a second a number counts since 1970, or None when it is no time of this century.

    >>> _epoch_unit(1772348400), _epoch_unit(1772348400_000), _epoch_unit(42)
    (1, 1000, None)
    """
    for unit in (1, 10**3, 10**6, 10**9):
        if 946_684_800 <= value / unit < 4_102_444_800:
            return unit
    return None


def _tolerate(raw: Raw, column: _Column, wrong: pl.Expr, number: int, due: str, notes: list[str]) -> None:
    """Note values of the wrong type; too many of them are an error that shows the first."""
    if not number:
        return
    row = raw.frame.filter(wrong).select(FILE, LINE, column.name).head(1).collect().row(0, named=True)
    value = str(row[column.name]).removeprefix(TEXT_MARK)
    shown = "a list or an object" if value == NO_VALUE else repr(value[:100])
    what = f"column {column.name!r} holds {shown}, which is not {due}"
    if number > _TOLERATED * column.held:
        hint = (
            f"{number} of {column.held} values are not: say in the catalogue that it is categorical, or mend the file"
        )
        raise TableError(f"{raw.place(row)}: {what}; {hint}")
    notes.append(f"{column.name}: {number} values are not {due} and count as invalid (the first in {raw.place(row)})")
