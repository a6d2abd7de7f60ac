"""How records add to the metrics, as their recipe says.

This is the reference. The compiled core does the same to the records that it has read itself, and a test holds both
to the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add, attrgetter
from typing import Any

from aiwatch import names
from aiwatch.kinds.base import Delta, Label, Recipe, SessionBook
from aiwatch.kinds.prediction import is_valid


@dataclass(frozen=True, slots=True)
class Folding:
    """What records are folded with: their process's name, recipes, bucket bounds and sessions, and the delta."""

    process: str
    recipes: Mapping[str, Recipe]
    bounds: Mapping[str, tuple[float, ...]]
    sessions: SessionBook
    delta: Delta


def fold(folding: Folding, type_: str, records: Sequence[Any]) -> None:
    """Add records of one type, in the order of the log, to the delta."""
    process, recipe, delta = folding.process, folding.recipes[type_], folding.delta
    if not recipe.traffic:
        _count(recipe, (process,), records, delta)
    else:
        for version, group in _by_version(records).items():
            _count(recipe, (process, version), group, delta)
            if recipe.failure is not None:
                failed = sum(_has_failed(record, *recipe.failure) for record in group)
                delta.count(names.ERRORS_TOTAL, (process, version), failed)
            for metric, field in recipe.observed:
                _observe(folding, metric, version, field, group)
            for metric, label, field in recipe.summed:
                if values := [value for record in group if (value := getattr(record, field)) is not None]:
                    delta.count(metric, (process, version, label), reduce(add, values))
        if records:
            newest = max(record.time for record in records)
            delta.maximum(names.LAST_EVENT_TIMESTAMP_SECONDS, (process,), newest.timestamp())
    if recipe.session is not None:
        times: list[datetime] = [record.time for record in records]
        opened = folding.sessions.openings([getattr(record, recipe.session) for record in records], times)
        delta.count(names.SESSIONS_TOTAL, (process,), opened)
    if recipe.features:
        _check_features(recipe.features, process, records, delta)


def _by_version(records: Sequence[Any]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for record in records:
        found.setdefault(record.model_version or names.UNKNOWN, []).append(record)
    return found


def _count(recipe: Recipe, labels: tuple[str, ...], records: Sequence[Any], delta: Delta) -> None:
    values = Counter(tuple(_value(label, record) for label in recipe.labels) for record in records)
    for further, number in values.items():
        delta.count(recipe.counter, labels + further, number)


def _value(label: Label, record: Any) -> str:
    return label.absent if label.field is None else getattr(record, label.field) or label.absent


def _has_failed(record: Any, field: str, value: str | None) -> bool:
    found = getattr(record, field)
    return bool(found) if value is None else found == value


def _observe(folding: Folding, metric: str, version: str, field: str, records: Sequence[Any]) -> None:
    """Add what records have in ``field`` to a histogram; the newest traced one of a bucket becomes its exemplar."""
    held = [record for record in records if getattr(record, field) is not None]
    if not held:
        return
    histogram = folding.delta.histogram(metric, (folding.process, version), folding.bounds[metric])
    values = list(map(attrgetter(field), held))
    for bucket, record, value in zip(histogram.observe_all(values), held, values, strict=True):
        if record.trace_id:
            histogram.exemplars[bucket] = (record.trace_id, value, record.time.timestamp())


def _check_features(features: Mapping[str, Any], process: str, records: Sequence[Any], delta: Delta) -> None:
    for name, feature in features.items():
        values = [record.features.get(name) for record in records]
        missing = values.count(None)
        invalid = sum(not is_valid(feature, value) for value in values if value is not None)
        for metric, number in ((names.FEATURES_MISSING_TOTAL, missing), (names.FEATURES_INVALID_TOTAL, invalid)):
            if number:
                delta.count(metric, (process, name), number)
