"""Which column of a table is what: a feature of a type, the model's output, the time, the outcome.

The catalogue says which features there are and of what type. Where it says nothing, the data does: text, booleans and
whole numbers with few values are categories, other numbers are numbers; what names a row (ids), what is a time, and
what is free text is left out, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from aiwatch import names
from aiwatch.hints import did_you_mean
from aiwatch.kinds.prediction import RESERVED_FEATURES
from aiwatch.profiles.tables.raw import LINE, NO_VALUE, Raw, TableError, trouble
from aiwatch.profiles.tables.times import epoch_unit, is_time_text

Type = Literal["numeric", "categorical"]
Kind = Literal["classifier", "regressor"]

LABEL = "label"
VERSION = "model_version"
LATENCY = "latency"
ERROR = "error"
_SCORES = (names.SCORE, "y_pred_proba", "y_score", "proba", "probability", "predict_proba", "prediction", "y_pred")
_VALUES = (names.VALUE, "prediction", "predicted", "predicted_value", "y_pred", "y_hat", "yhat")
_TIMES = (names.TIMESTAMP, "timestamp", "time", "datetime", "event_time", "created_at", "date", "ts")
_LABELS = (LABEL, "y_true", "target", "outcome", "ground_truth", "actual")
_OTHERS = (
    *("decision", "y_pred", "predicted_class", LATENCY, "model", VERSION, "trace_id", ERROR),
    *("type", "process", "log", "attributes", "_index", "_id"),
)
"""Fields of a prediction that are no features."""

TOLERATED = 0.01  # of the values of what a baseline is made of
_FEW = 20  # whole numbers with at most so many values are categories
_MANY = 0.5  # text with more different values than this share of rows is free text
_EACH = 0.9  # and whole numbers with more than this are ids, if their name says so


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a table before it is read.

    Attributes:
        types: the features that the catalogue names; with none the data says which there are.
        kind: of model, which says how its output is called; None when that is not known.
        prediction: the column with the model's output.
        time: the column with the time.
        label: the column with the true outcome.
        tolerated: the share of a feature's values that may be of the wrong type, and count as invalid.
    """

    types: Mapping[str, Type] = field(default_factory=dict)
    kind: Kind | None = None
    prediction: str | None = None
    time: str | None = None
    label: str | None = None
    tolerated: float = TOLERATED


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column is what, each by its name; None where there is none.

    Attributes:
        types: the features.
        prediction: how the model's output is called, `names.SCORE` or `names.VALUE`.
        output: the column in which it stands.
        time: the column with the time.
        label: the column with the true outcome.
    """

    types: Mapping[str, Type]
    prediction: str | None
    output: str | None
    time: str | None
    label: str | None

    @property
    def taken(self) -> set[str]:
        """Every column that has a part."""
        return {*self.types, *(each for each in (self.output, self.time, self.label) if each)}


@dataclass(frozen=True, slots=True)
class Column:
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
        """Whether it is read as text."""
        return self.dtype == pl.String

    @property
    def is_number(self) -> bool:
        """Whether every value is a number, or reads as one."""
        return self.held > 0 and (self.dtype.is_numeric() if not self.is_text else self.numbers == self.held)

    @property
    def is_mostly_number(self) -> bool:
        """Whether so few values are no number that they count as invalid ones."""
        return self.is_number or (self.is_text and self.held - self.numbers <= TOLERATED * self.held)

    @property
    def is_whole(self) -> bool:
        """Whether every value is a whole number."""
        return self.held > 0 and self.whole == self.held

    @property
    def is_flag(self) -> bool:
        """Whether every value is a boolean, or reads as one."""
        return self.held > 0 and (self.dtype == pl.Boolean or self.flags == self.held)


def look_over(raw: Raw) -> tuple[dict[str, Column], int]:
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
        name: Column(name, schema[name], *(row[f"{place}/{number}"] for number in range(7)))
        for place, name in enumerate(raw.columns)
    }
    return found, row[LINE]


def find_roles(raw: Raw, columns: Mapping[str, Column], rows: int, wanted: Wanted, notes: list[str]) -> Roles:
    """Return which column is what: as it is wanted, else as names and values say.

    :param columns: what `look_over` says of them.
    :param notes: where to add which columns are left out, and why.

    Raises:
        TableError: what is wanted is not there.
    """
    time = _named(raw, wanted.time, "--timestamp") or _guess_time(columns, wanted)
    prediction, output = _prediction(raw, columns, wanted)
    given = [each for each in (wanted.prediction, wanted.time, wanted.label) if each is not None]
    if len(set(given)) < len(given):
        raise TableError(f"{raw.files[0]}: --score, --timestamp and --label name a column twice: name different ones")
    taken = {each for each in (time, output) if each}
    label = _named(raw, wanted.label, "--label") or _guess(columns, _LABELS, {*wanted.types, *taken}, _may_be_label)
    taken |= {label} if label else set()
    types = _declared(raw, wanted) if wanted.types else dict(_typed_by_data(columns, rows, taken, notes))
    if not types and output is None:
        why = f" ({'; '.join(notes[:5])})" if notes else ""
        raise TableError(f"{raw.files[0]}: no column is a feature{why}; name features in the catalogue")
    return Roles(types, prediction, output, time, label)


def _named(raw: Raw, name: str | None, option: str) -> str | None:
    """Return the column that an option names, which must be there."""
    if name is not None and name not in raw.columns:
        raise TableError(f"{raw.files[0]}: {option} {name}: there is no such column; {did_you_mean(name, raw.columns)}")
    return name


def _guess(columns: Mapping[str, Column], usual: Sequence[str], but: Collection[str], fits: Any) -> str | None:
    """Return the first column with one of the usual names (in any case) that fits."""
    by_plain = {name.lower(): name for name in reversed(list(columns))}
    for name in usual:
        there = by_plain.get(name)
        if there is not None and there not in but and fits(columns[there]):
            return there
    return None


def _guess_time(columns: Mapping[str, Column], wanted: Wanted) -> str | None:
    """Return the column with the usual name of a time, else the only one that holds times."""
    found = _guess(columns, _TIMES, wanted.types, _may_be_time)
    others = [each.name for each in columns.values() if each.name not in wanted.types and _holds_times(each)]
    return found or (others[0] if len(others) == 1 else None)


def _holds_times(column: Column) -> bool:
    """Tell whether a column holds times that cannot be mistaken for anything else."""
    return column.dtype.is_temporal() or (column.is_text and not column.is_number and is_time_text(column.example))


def _may_be_time(column: Column) -> bool:
    if column.is_number:
        return epoch_unit(float(str(column.example))) is not None
    return _holds_times(column)


def _may_be_label(column: Column) -> bool:
    return column.is_number or column.is_flag


def _may_be_prediction(column: Column) -> bool:
    return column.is_number and not column.is_flag


def _prediction(raw: Raw, columns: Mapping[str, Column], wanted: Wanted) -> tuple[str | None, str | None]:
    """Return how the model's output is called, and in which column it stands."""
    usual = {"classifier": (_SCORES,), "regressor": (_VALUES,), None: (_SCORES, _VALUES)}[wanted.kind]
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


def _range(raw: Raw, column: Column) -> tuple[float, float]:
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
    columns: Mapping[str, Column], rows: int, taken: Collection[str], notes: list[str]
) -> Iterator[tuple[str, Type]]:
    for column in columns.values():
        if column.name in taken:
            continue
        why = _why_left_out(column, rows)
        if why:
            notes.append(f"{column.name or 'a column without a name'}: left out, {why}")
        elif column.is_flag or (column.is_whole and not column.fractions and column.distinct <= _FEW):
            yield column.name, "categorical"
        elif column.is_number or (column.is_mostly_number and _is_many(column, rows)):
            yield column.name, "numeric"
        else:
            yield column.name, "categorical"


def _why_left_out(column: Column, rows: int) -> str:
    """Return why a column is no feature, or nothing."""
    if not column.held:
        return "it is empty"
    if column.name.lower() in _OTHERS:
        return "it is a field of the prediction"
    if column.name in RESERVED_FEATURES:
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


def _is_many(column: Column, rows: int) -> bool:
    """Tell whether a column of text has too many values for categories."""
    return column.distinct > _MANY * column.held and rows > 5 * _FEW


def _is_id(name: str) -> bool:
    """Tell whether a column's name says that it is an id.

    >>> [_is_id(name) for name in ("id", "customer_id", "Unnamed: 0", "", "paid")]
    [True, True, True, True, False]
    """
    plain = name.lower()
    return plain in ("", "id", "index", "uuid", "row", "key") or plain.endswith(("_id", " id")) or "unnamed" in plain
