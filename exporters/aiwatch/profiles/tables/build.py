"""A table of the training period into a baseline: its bins, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from aiwatch import names
from aiwatch.hints import did_you_mean
from aiwatch.profiles.baseline import FORMAT, MAX_BYTES, Baseline, FeatureBaseline, Source
from aiwatch.profiles.fold import LONGEST
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Profile, Shape
from aiwatch.profiles.tables.frames import FrameFold, as_numbers
from aiwatch.profiles.tables.raw import NO_VALUE, TableError
from aiwatch.profiles.tables.typed import Table
from aiwatch.profiles.tables.unseen import as_in_other_rows, unseen_share

MOST_BINS = 256
FEWEST_BINS = 16
RELATED = 40  # features
SEGMENT_VALUES = 20
LONGEST_RHYTHM = timedelta(weeks=12)  # what is further back says little of how things move now
_BYTES_OF_A_BIN = 28  # in the file: an edge, a count, a score
_BYTES_BESIDES = 70_000  # for relations, outcomes and the rhythm
_A_THOUSAND = 1000


def bins_for(columns: int) -> int:
    """Return how many bins each of so many columns may have for the file to stay small.

    >>> bins_for(31), bins_for(100)
    (256, 82)
    """
    return max(FEWEST_BINS, min(MOST_BINS, (MAX_BYTES - _BYTES_BESIDES) // (_BYTES_OF_A_BIN * max(1, columns))))


def build_baseline(
    table: Table,
    process: str,
    *,
    created: datetime,
    model_version: str | None = None,
    segments: Sequence[str] = (),
    bins: int = MOST_BINS,
) -> Baseline:
    """Return the baseline that a table makes.

    :param segments: categorical features whose most frequent values are looked at apart.
    :param bins: how many bins a feature has at most.

    Raises:
        TableError: a segment is no categorical feature.
    """
    shapes: dict[str, Shape] = {}
    features: dict[str, FeatureBaseline] = {}
    unseen: dict[str, float] = {}
    for name, type_ in table.columns.items():
        column, error = table.frame.select(name).collect().to_series(), 0.0
        if type_ == "numeric":
            shapes[name], counts = _numeric(column, bins)
        else:
            held = _categories(column)
            shapes[name], counts = _categorical(held, bins)
            unseen[name], error = unseen_share(held, bins)
        features[name] = FeatureBaseline(shapes[name], Counts(counts), normal_scores(counts), round(error, 6))
    related = (*([table.prediction] if table.prediction else []), *table.types)[:RELATED]
    draft = Baseline(
        format=FORMAT,
        process=process,
        model_version=model_version,
        created=created,
        source=_source(table),
        features=features,
        relations=related,
        segments={name: _segment_values(table, name, shapes) for name in segments},
    )
    return _filled(draft, table, unseen)


def _filled(draft: Baseline, table: Table, unseen: Mapping[str, float]) -> Baseline:
    """Return the baseline with what the table holds, counted in one pass; ``unseen`` has shares of categories."""
    fold = FrameFold(msgspec.structs.replace(draft, segments={}))
    whole = fold.fold.empty(names.UNKNOWN, draft.created)
    different = 0
    for chunk in table.chunks(100 * _A_THOUSAND):
        hashes = fold.add(whole, chunk)
        different += sum(len(np.unique(hashes[at : at + _A_THOUSAND])) for at in range(0, len(hashes), _A_THOUSAND))
    return msgspec.structs.replace(
        draft,
        features={
            name: msgspec.structs.replace(feature, counts=as_in_other_rows(whole.features[name], unseen.get(name, 0.0)))
            for name, feature in draft.features.items()
        },
        sums=tuple(whole.sums),
        products=tuple(whole.products),
        labels=dict(sorted(whole.labels.items())),
        repeats=round(1 - different / table.rows, 6),
    )


def hourly_profiles(table: Table, baseline: Baseline) -> Iterator[Profile]:
    """Return the profile of each hour of the table's last weeks, in the order of time; none if it has no times."""
    latest = baseline.source.end
    if not table.timed or latest is None:
        return
    fold = FrameFold(msgspec.structs.replace(baseline, segments={}))
    found: dict[datetime, Profile] = {}
    for chunk in table.chunks():
        recent = chunk.filter(pl.col(names.TIMESTAMP) > latest - LONGEST_RHYTHM)
        for hour, profile in fold.by_hour(recent):
            if hour in found:
                found[hour].merge(profile)
            else:
                found[hour] = profile
    for hour in sorted(found):
        yield found.pop(hour)


def _source(table: Table) -> Source:
    start = end = None
    if table.timed:
        time = pl.col(names.TIMESTAMP)
        start, end = table.frame.select(time.min().alias("start"), time.max().alias("end")).collect().row(0)
    at = [None if each is None else each.astimezone(UTC) for each in (start, end)]
    return Source(table.files, table.sha256, table.rows, *at)


def _numeric(column: pl.Series, most: int) -> tuple[Shape, list[int]]:
    """Return the bins of a column of numbers, and how many values each holds."""
    values = as_numbers(column)
    ordered = np.sort(values[np.isfinite(values)])
    edges = edges_of(ordered, most)
    up_to = np.searchsorted(ordered, edges, side="right")
    return Numeric(tuple(edges.tolist())), np.diff(up_to, prepend=0, append=len(ordered)).tolist()


def edges_of(ordered: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.float64]:
    """Return edges of at most ``most`` bins for ascending values, all of them values that occur.

    A feature with fewer different values has an edge at each, so that nothing is lost. Else the bins hold about as
    many values each; a value that fills more than one of them by itself has a bin of its own.

    >>> edges_of(np.array([1.0, 2.0, 2.0, 5.0]), 256).tolist()
    [1.0, 2.0, 5.0]
    >>> edges_of(np.sort([0.0] * 50 + [float(number) for number in range(-50, 50)]), 4).tolist()
    [-1.0, 0.0]
    """
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf))
    distinct, ends = ordered[starts], np.append(starts[1:], len(ordered))
    if len(distinct) < most:
        return distinct
    for parts in range(most, 1, -1):
        quantiles = np.searchsorted(ends, np.arange(1, parts) * (len(ordered) / parts))
        heavy = np.flatnonzero(ends - starts > len(ordered) / parts)
        chosen = np.unique(np.concatenate([quantiles, heavy, heavy[heavy > 0] - 1]))
        if len(chosen) < most:
            return np.asarray(distinct[chosen])
    return distinct[:0]


def _categories(column: pl.Series) -> pl.Series:
    """Return the values of a column that can be categories."""
    held = column.drop_nulls()
    return held.filter((held != NO_VALUE) & (held.str.len_chars() <= LONGEST))


def _categorical(held: pl.Series, most: int) -> tuple[Shape, list[int]]:
    """Return the most frequent categories, the most frequent first, and how many values each has."""
    counts: Any = held.value_counts().sort(["count", held.name], descending=[True, False])
    chosen = counts.head(most)
    return Categorical(tuple(chosen[held.name].to_list())), chosen["count"].to_list()


def _segment_values(table: Table, name: str, shapes: dict[str, Shape]) -> tuple[str, ...]:
    shape = shapes.get(name)
    if not isinstance(shape, Categorical):
        categories = [each for each, other in shapes.items() if isinstance(other, Categorical)]
        what = "is a number" if shape else "is no feature"
        raise TableError(f"{table.files[0]}: segment {name!r} {what}; {did_you_mean(name, categories)}")
    return shape.values[:SEGMENT_VALUES]
