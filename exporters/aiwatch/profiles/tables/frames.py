"""Many predictions at once into a profile: what `aiwatch.profiles.fold` says row by row, over columns."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from aiwatch import names
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import INVALID, LARGEST, LONGEST, MISSING, UNSEEN, Fold, empty_counts
from aiwatch.profiles.profile import LATENCY_BOUNDS, Counts, Numeric, Profile, Segment, Shape, bounded, smallest, summed
from aiwatch.profiles.tables.columns import ERROR, LABEL, LATENCY, VERSION
from aiwatch.profiles.tables.raw import NO_VALUE

Codes: TypeAlias = npt.NDArray[np.uint16]
Hashes: TypeAlias = npt.NDArray[np.uint32]
Numbers: TypeAlias = npt.NDArray[np.float64]


class FrameFold:
    """Adds frames, with columns as `aiwatch.profiles.tables.typed.Table` has them, to profiles of one baseline."""

    def __init__(self, baseline: Baseline) -> None:
        """Prepare for ``baseline``."""
        self.fold = Fold(baseline)
        self._shapes = {name: feature.shape for name, feature in baseline.features.items()}
        self._places = {name: place for place, name in enumerate(self._shapes)}
        self._scores = [np.array([*baseline.features[name].scores, 0], np.float64) for name in baseline.relations]
        self._segments = {
            feature: {value: self._shapes[feature].values.index(value) for value in values}  # type: ignore[union-attr]
            for feature, values in baseline.segments.items()
        }

    def add(self, profile: Profile, frame: pl.DataFrame) -> Hashes:
        """Add every row of ``frame``, and return the hash of each."""
        return self._add(profile, frame, self.codes(frame))

    def by_hour(self, frame: pl.DataFrame) -> Iterator[tuple[datetime, Profile]]:
        """Return a profile for each hour that ``frame`` has rows of; rows without a time are left out."""
        frame = frame.filter(pl.col(names.TIMESTAMP).is_not_null()).sort(names.TIMESTAMP, maintain_order=True)
        codes = self.codes(frame)
        hours = frame[names.TIMESTAMP].dt.truncate("1h").rle().struct.unnest()
        start = 0
        for length, hour in zip(hours["len"], hours["value"], strict=True):
            profile = self.fold.empty(names.UNKNOWN, hour.astimezone(UTC))
            self._add(profile, frame.slice(start, length), codes[start : start + length])
            yield profile.start, profile
            start += length

    def by_version(self, frame: pl.DataFrame, start: datetime, end: datetime) -> Iterator[Profile]:
        """Return a profile of each model version that ``frame`` has rows of."""
        parts = frame.partition_by(VERSION, maintain_order=True) if VERSION in frame.columns else [frame]
        for part in parts:
            version = part[VERSION][0] if VERSION in part.columns and len(part) else None
            profile = self.fold.empty(version or names.UNKNOWN, start, end)
            self.add(profile, part)
            yield profile

    def codes(self, frame: pl.DataFrame) -> Codes:
        """Return the bin of every value, or why it is in none: rows x features of the baseline."""
        found = np.empty((len(frame), len(self._shapes)), np.uint16)
        for place, (name, shape) in enumerate(self._shapes.items()):
            found[:, place] = column_codes(frame[name], shape)
        return found

    def _add(self, profile: Profile, frame: pl.DataFrame, codes: Codes) -> Hashes:
        profile.rows += len(frame)
        self._count(profile.features, frame, codes)
        self._serve(profile, frame)
        self._relate(profile, codes)
        hashes = row_hashes(codes)
        rows, numbers = np.unique(hashes, return_counts=True)
        profile.repeats = smallest(summed(profile.repeats, dict(zip(rows.tolist(), numbers.tolist(), strict=True))))
        if self.fold.prediction is not None and LABEL in frame.columns:
            self._label(profile, codes[:, self._places[self.fold.prediction]], frame[LABEL].to_numpy())
        for feature, values in self._segments.items():
            for value, code in values.items():
                chosen = codes[:, self._places[feature]] == code
                if chosen.any():
                    self._segment(profile, feature, value, frame.filter(chosen), codes[chosen])
        return hashes

    def _count(self, held: dict[str, Counts], frame: pl.DataFrame, codes: Codes) -> None:
        for place, (name, shape) in enumerate(self._shapes.items()):
            held[name].merge(column_counts(frame[name], codes[:, place], shape))

    @staticmethod
    def _serve(profile: Profile, frame: pl.DataFrame) -> None:
        """Add how long answers took, and how many there were not."""
        if ERROR in frame.columns:
            profile.errors += int(frame[ERROR].fill_null(False).sum())
        if LATENCY in frame.columns:
            seconds = frame[LATENCY].drop_nulls().to_numpy()
            buckets = np.bincount(np.searchsorted(LATENCY_BOUNDS, seconds, side="left"), minlength=len(profile.latency))
            profile.latency = [mine + int(more) for mine, more in zip(profile.latency, buckets, strict=True)]
            profile.latency_total += float(np.minimum(seconds, LARGEST).sum())

    def _segment(self, profile: Profile, feature: str, value: str, frame: pl.DataFrame, codes: Codes) -> None:
        segments = profile.segments.setdefault(feature, {})
        if value not in segments:
            segments[value] = Segment(features=empty_counts(self.fold.baseline))
        segments[value].rows += len(frame)
        self._count(segments[value].features, frame, codes)

    def _relate(self, profile: Profile, codes: Codes) -> None:
        """Add the sums and products of scores, which are exact: whole numbers far below 2**53."""
        baseline = self.fold.baseline
        rows = np.empty((len(codes), len(baseline.relations)))
        for number, name in enumerate(baseline.relations):
            scores = self._scores[number]
            rows[:, number] = scores[np.minimum(codes[:, self._places[name]], len(scores) - 1)]  # the last one is 0
        products = (rows.T @ rows)[np.triu_indices(len(baseline.relations))]
        profile.sums = [mine + int(more) for mine, more in zip(profile.sums, rows.sum(axis=0), strict=True)]
        profile.products = [mine + int(more) for mine, more in zip(profile.products, products, strict=True)]

    @staticmethod
    def _label(profile: Profile, codes: Codes, labels: Numbers) -> None:
        known = (codes < UNSEEN) & ~np.isnan(labels)
        bins, outcomes = codes[known], np.clip(labels[known], -LARGEST, LARGEST)
        numbers, totals = np.bincount(bins), np.bincount(bins, outcomes)
        for code in np.flatnonzero(numbers).tolist():
            rows, total = profile.labels.get(code, (0, 0.0))
            profile.labels[code] = (rows + int(numbers[code]), total + float(totals[code]))


def as_numbers(column: pl.Series) -> Numbers:
    """Return a column of numbers: NaN where one is missing, infinite where there is something else."""
    values = column.to_numpy().astype(np.float64, copy=False)
    return np.where(np.isinf(values), values, np.clip(values, -LARGEST, LARGEST)) + 0.0


def column_codes(column: pl.Series, shape: Shape) -> Codes:
    """Return the bin of each value of a column, or why it is in none."""
    if isinstance(shape, Numeric):
        values = as_numbers(column)
        codes = np.searchsorted(np.array(shape.edges, np.float64), values, side="left").astype(np.uint16)
        codes[np.isinf(values)] = INVALID
        codes[np.isnan(values)] = MISSING
        return codes
    known = {**{value: place for place, value in enumerate(shape.values)}, NO_VALUE: INVALID}
    found = column.replace_strict(list(known), list(known.values()), default=UNSEEN, return_dtype=pl.UInt16)
    return pl.select(pl.when(column.is_null()).then(pl.lit(MISSING, pl.UInt16)).otherwise(found)).to_series().to_numpy()


def column_counts(column: pl.Series, codes: Codes, shape: Shape) -> Counts:
    """Return the counts of a column, of which the codes are known."""
    seen = codes < UNSEEN
    counts = Counts(np.bincount(codes[seen], minlength=shape.bins).tolist())
    counts.missing = int((codes == MISSING).sum())
    counts.invalid = int((codes == INVALID).sum())
    if isinstance(shape, Numeric):
        values = as_numbers(column)[seen]
        if len(values):
            counts.total, counts.squares = float(values.sum()), float((values * values).sum())
            counts.low, counts.high = float(values.min()), float(values.max())
    elif (codes == UNSEEN).any():
        others: Any = column.filter(codes == UNSEEN).str.slice(0, LONGEST).value_counts()
        counts.unseen = bounded(dict(others.sort(column.name).iter_rows()))
    return counts


def row_hashes(codes: Codes) -> Hashes:
    """Return the CRC-32 of every row's bins."""
    data, width = memoryview(codes.astype("<u2", copy=False).tobytes()), 2 * codes.shape[1]
    hashes = [zlib.crc32(data[start : start + width]) for start in range(0, len(data), width)]
    return np.array(hashes, np.uint32)
