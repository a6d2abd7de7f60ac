"""One prediction after the other into a profile: exact and plain, what every faster way is compared with."""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiwatch import names
from aiwatch.kinds.prediction import as_category
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import LATENCY_BOUNDS, Counts, Numeric, Profile, Segment, Shape, bounded, smallest

MISSING, INVALID, UNSEEN = 0xFFFF, 0xFFFE, 0xFFFD  # the codes of values that are in no bin
LARGEST = 1e150  # what is beyond counts as this: sums of squares stay finite
LONGEST = 100  # characters of an unseen value that are kept
HOUR = timedelta(hours=1)
PREDICTION = "prediction"  # the type of record that is profiled

Cell = tuple[str, datetime]
"""A model version, and the start of an hour."""


def as_number(value: Any) -> float | None:
    """Return a value as a number, or None for what is none: text, a boolean, a list.

    Whole numbers are rounded to a double; minus zero is zero.

    >>> [as_number(value) for value in (3, -0.0, 1e200, 2**53 + 1, 10**400, True, "3")]
    [3.0, 0.0, 1e+150, 9007199254740992.0, 1e+150, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(max(-LARGEST, min(LARGEST, value))) + 0.0


def is_missing(value: Any) -> bool:
    """Tell whether there is no value: null, or what JSON has no number for (NaN and the infinities).

    >>> [is_missing(value) for value in (None, math.nan, -math.inf, 0, "")]
    [True, True, True, False, False]
    """
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def start_of_hour(time: datetime) -> datetime:
    """Return when the hour began (in UTC) that ``time`` lies in.

    >>> start_of_hour(datetime.fromisoformat("2026-03-01T07:59:59.9+05:30")).isoformat()
    '2026-03-01T02:00:00+00:00'
    """
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def empty_counts(baseline: Baseline) -> dict[str, Counts]:
    """Return counts of nothing for every feature of a baseline."""
    return {name: Counts.empty(feature.shape) for name, feature in baseline.features.items()}


class Fold:
    """Adds predictions to profiles, by the shapes of one baseline."""

    def __init__(self, baseline: Baseline) -> None:
        """Prepare for ``baseline``."""
        self.baseline = baseline
        self.fingerprint = baseline.fingerprint
        self.prediction = prediction_name(baseline)
        self._features = list(baseline.features.items())
        self._relations = [(name, baseline.features[name].scores) for name in baseline.relations]
        self._bins = {
            name: {value: place for place, value in enumerate(feature.shape.values)}
            for name, feature in self._features
            if not isinstance(feature.shape, Numeric)
        }
        self._hashed = struct.Struct(f"<{len(self._features)}H")

    def empty(self, model_version: str, start: datetime, end: datetime | None = None) -> Profile:
        """Return a profile of nothing, for the hour that begins at ``start`` unless another ``end`` is given."""
        baseline = self.baseline
        number = len(baseline.relations)
        return Profile(
            baseline.process,
            model_version,
            self.fingerprint,
            start,
            end or start + HOUR,
            features=empty_counts(baseline),
            latency=[0] * (len(LATENCY_BOUNDS) + 1),
            sums=[0] * number,
            products=[0] * (number * (number + 1) // 2),
        )

    def add(
        self,
        profile: Profile,
        features: Mapping[str, Any],
        prediction: float | None,
        *,
        decision: str | None = None,
        latency: float | None = None,
        failed: bool = False,
        label: float | None = None,
    ) -> None:
        """Add one prediction: its features (others than the baseline's are passed over) and its score or value.

        ``latency`` is in seconds; ``label`` is the true outcome, if it is known.
        """
        values = {name: features.get(name) for name, _ in self._features if name != self.prediction}
        if self.prediction is not None:
            values[self.prediction] = prediction
        codes = {name: self._code(name, feature.shape, values[name]) for name, feature in self._features}
        profile.rows += 1
        profile.errors += failed
        self._count(profile.features, codes, values)
        if decision is not None:
            profile.decisions = bounded({**profile.decisions, decision: profile.decisions.get(decision, 0) + 1})
        if latency is not None:
            profile.latency[bisect_left(LATENCY_BOUNDS, latency)] += 1
            profile.latency_total += min(latency, LARGEST)
        self._relate(profile, codes)
        row = zlib.crc32(self._hashed.pack(*codes.values()))
        profile.repeats = smallest({**profile.repeats, row: profile.repeats.get(row, 0) + 1})
        if label is not None and self.prediction is not None and (code := codes[self.prediction]) < UNSEEN:
            rows, total = profile.labels.get(code, (0, 0.0))
            profile.labels[code] = (rows + 1, total + float(max(-LARGEST, min(LARGEST, label))))
        self._segment(profile, codes, values)

    def _code(self, name: str, shape: Shape, value: Any) -> int:
        """Return the bin of a value, or why it is in none."""
        if is_missing(value):
            return MISSING
        if isinstance(shape, Numeric):
            number = as_number(value)
            return INVALID if number is None else shape.place(number)
        category = as_category(value)
        return INVALID if category is None else self._bins[name].get(category, UNSEEN)

    def _relate(self, profile: Profile, codes: Mapping[str, int]) -> None:
        """Add the row's scores and their products."""
        row = [scores[code] if (code := codes[name]) < UNSEEN else 0 for name, scores in self._relations]
        place = 0
        for first, score in enumerate(row):
            profile.sums[first] += score
            for other in row[first:]:
                profile.products[place] += score * other
                place += 1

    def _segment(self, profile: Profile, codes: Mapping[str, int], values: Mapping[str, Any]) -> None:
        """Add the row to the segments that it lies in."""
        for feature, watched in self.baseline.segments.items():
            value = as_category(values[feature])
            if value not in watched:
                continue
            held = profile.segments.setdefault(feature, {})
            segment = held.get(value)
            if segment is None:
                segment = held[value] = Segment(features=empty_counts(self.baseline))
            segment.rows += 1
            self._count(segment.features, codes, values)

    def _count(self, held: Mapping[str, Counts], codes: Mapping[str, int], values: Mapping[str, Any]) -> None:
        """Add the row's values to the counts of their features."""
        for name, feature in self._features:
            _count(held[name], codes[name], values[name], isinstance(feature.shape, Numeric))


def fold_records(fold: Fold, records: Iterable[Any]) -> dict[Cell, Profile]:
    """Return what predictions, as their kind has them, add to the profile of each hour and model version."""
    found: dict[Cell, Profile] = {}
    for record in records:
        cell = (record.model_version or names.UNKNOWN, start_of_hour(record.time))
        profile = found.get(cell)
        if profile is None:
            profile = found[cell] = fold.empty(*cell)
        fold.add(
            profile,
            record.features,
            None if fold.prediction is None else getattr(record, fold.prediction),
            decision=getattr(record, names.DECISION, None),
            latency=record.latency,
            failed=bool(record.error),
            label=record.label,
        )
    return found


def prediction_name(baseline: Baseline) -> str | None:
    """Return under which name the baseline has the model's output: that of a classifier, a regressor, or none."""
    return next((name for name in (names.SCORE, names.VALUE) if name in baseline.features), None)


def _count(counts: Counts, code: int, value: Any, numeric: bool) -> None:
    """Add one value, which has this code, to the counts of its feature."""
    if code == MISSING:
        counts.missing += 1
    elif code == INVALID:
        counts.invalid += 1
    elif code == UNSEEN:
        category = str(as_category(value))[:LONGEST]
        counts.unseen = bounded({**counts.unseen, category: counts.unseen.get(category, 0) + 1})
    else:
        counts.bins[code] += 1
        if numeric and (number := as_number(value)) is not None:
            counts.total += number
            counts.squares += number * number
            counts.low = number if counts.low is None else min(counts.low, number)
            counts.high = number if counts.high is None else max(counts.high, number)
