"""Columns into profiles: exactly what one row after the other gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from aiwatch.profiles.baseline import MAX_BYTES, BaselineError, read_baseline, write_baseline
from aiwatch.profiles.fold import Fold
from aiwatch.profiles.profile import Categorical, Numeric, Profile
from aiwatch.profiles.tables.build import MOST_BINS, bins_for, build_baseline, edges_of, hourly_profiles
from aiwatch.profiles.tables.frames import FrameFold
from aiwatch.profiles.tables.raw import NO_VALUE, TableError
from aiwatch.profiles.tables.typed import Table
from tests.profiles.samples import HOUR, baseline

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def rows(seed: int, number: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    amounts: list[Any] = [None, "wrong", 0.0, -0.0, 1.0, 7.5, 1e200, -3.0]
    return [
        {
            "amount": chance.choice(amounts),
            "country": chance.choice(["DE", "FR", "NL", "x" * 300, None, 1.5]),
            "score": chance.choice([None, 0.1, 0.5, 0.75]),
            "label": chance.choice([None, 0.0, 1.0]),
        }
        for _ in range(number)
    ]


def as_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "amount": [float("inf") if row["amount"] == "wrong" else row["amount"] for row in rows],
            "country": [NO_VALUE if row["country"] == 1.5 else row["country"] for row in rows],
            "score": [row["score"] for row in rows],
            "label": [row["label"] for row in rows],
        },
        schema={"amount": pl.Float64, "country": pl.String, "score": pl.Float64, "label": pl.Float64},
    )


def row_by_row(rows: list[dict[str, Any]]) -> Profile:
    fold = Fold(baseline())
    profile = fold.empty("3", HOUR)
    for row in rows:
        fold.add(profile, {"amount": row["amount"], "country": row["country"]}, row["score"], label=row["label"])
    return profile


@pytest.mark.parametrize("seed", range(5))
def test_columns_give_what_row_after_row_gives(seed: int) -> None:
    some = rows(seed, 700)
    fold = FrameFold(baseline())
    profile = fold.fold.empty("3", HOUR)
    fold.add(profile, as_frame(some[:300]))
    fold.add(profile, as_frame(some[300:]))
    expected = row_by_row(some)
    for name, counts in expected.features.items():
        assert profile.features[name].total == pytest.approx(counts.total, rel=1e-12)
        assert profile.features[name].squares == pytest.approx(counts.squares, rel=1e-12)
    for held in (profile, expected):
        for features in (held.features, *(each.features for each in held.segments["country"].values())):
            for counts in features.values():
                counts.total = counts.squares = 0.0
    assert profile == expected


def test_discrete_values_have_an_edge_each_and_heavy_ones_a_bin_of_their_own() -> None:
    chance = np.random.default_rng(1)
    assert edges_of(np.sort(chance.integers(0, 200, 5000).astype(float)), 256).tolist() == list(range(200))
    values = np.concatenate([np.zeros(3000), chance.normal(5, 1, 6000), np.full(1000, 5.0)])
    edges = edges_of(np.sort(values), 256)
    assert len(edges) <= 255
    shape = Numeric(tuple(edges.tolist()))
    for heavy in (0.0, 5.0):
        alone = np.searchsorted(edges, values, side="left") == shape.place(heavy)
        assert set(values[alone]) == {heavy}


def test_bins_of_a_continuous_feature_hold_about_as_many_values_each() -> None:
    values = np.random.default_rng(2).lognormal(3, 2, 100_000)
    counts = np.bincount(np.searchsorted(edges_of(np.sort(values), 256), values, side="left"), minlength=256)
    assert len(counts) == 256
    assert counts.min() > 0.9 * 100_000 / 256
    assert counts.max() < 1.1 * 100_000 / 256


def table(frame: pl.DataFrame, types: dict[str, Any], **more: Any) -> Table:
    usual: dict[str, Any] = {"prediction": "score", "timed": False, "labelled": False, "notes": ()}
    return Table(frame.lazy(), types, rows=len(frame), files=("t",), sha256="0", **(usual | more))


def wide(number: int) -> Table:
    """Return a table of so many features with unwieldy numbers, and categories with long names."""
    chance = np.random.default_rng(3)
    columns = {f"feature_with_a_long_name_{n:02}": chance.normal(0, 1e-7, 5000) for n in range(number - 5)}
    texts = {
        f"category_{n}": [f"a long category, number {chance.integers(250)}" for _ in range(5000)] for n in range(5)
    }
    types = {**dict.fromkeys(columns, "numeric"), **dict.fromkeys(texts, "categorical")}
    label = {"label": chance.integers(0, 2, 5000).astype(float)}
    frame = pl.DataFrame({**columns, **texts, "score": chance.uniform(size=5000), **label})
    return table(frame, types, labelled=True)


@pytest.mark.parametrize("number", [30, 80])
def test_the_file_stays_small_whatever_the_features(number: int, tmp_path: Path) -> None:
    made = build_baseline(wide(number), "card-fraud", created=NOW, bins=bins_for(number + 1))
    data = write_baseline(made)
    assert len(data) <= MAX_BYTES - 20_000  # what the rhythm may take
    (tmp_path / "b.json").write_bytes(data)
    assert read_baseline(tmp_path / "b.json") == made
    if number == 30:
        assert {feature.shape.bins for feature in made.features.values()} >= {MOST_BINS}
        assert any(isinstance(each.shape, Categorical) and each.shape.bins > 200 for each in made.features.values())


def test_a_baseline_holds_what_the_table_holds() -> None:
    some = rows(9, 2000)
    frame = as_frame(some)
    types: dict[str, Any] = {"amount": "numeric", "country": "categorical"}
    made = build_baseline(
        table(frame, types, labelled=True), "card-fraud", created=NOW, segments=["country"], model_version="3"
    )
    amount, country = made.features["amount"], made.features["country"]
    assert amount.shape == Numeric((-3.0, 0.0, 1.0, 7.5, 1e150))
    assert (amount.counts.rows, amount.counts.invalid) == (2000, sum(row["amount"] == "wrong" for row in some))
    assert amount.counts.missing == sum(row["amount"] is None for row in some)
    assert set(country.shape.values) == {"DE", "FR", "NL"}  # type: ignore[union-attr]
    assert country.counts.unseen == {"x" * 100: sum(row["country"] == "x" * 300 for row in some)}
    assert made.segments == {"country": country.shape.values}  # type: ignore[union-attr]
    assert made.relations == ("score", "amount", "country")
    assert sum(known for known, _ in made.labels.values()) == sum(
        row["score"] is not None and row["label"] is not None for row in some
    )
    assert 0.5 < made.repeats < 1
    assert made == build_baseline(
        table(frame, types, labelled=True), "card-fraud", created=NOW, segments=["country"], model_version="3"
    )


def test_scores_of_bins_have_the_mean_0_over_the_baseline() -> None:
    made = build_baseline(wide(10), "card-fraud", created=NOW)
    for feature in made.features.values():
        mean = sum(score * number for score, number in zip(feature.scores, feature.counts.bins, strict=True)) / 5000
        assert abs(mean) < 0.5


def test_a_segment_must_be_a_categorical_feature() -> None:
    with pytest.raises(TableError, match="segment 'amount' is a number"):
        build_baseline(
            table(as_frame(rows(1, 50)), {"amount": "numeric", "country": "categorical"}),
            "card-fraud",
            created=NOW,
            segments=["amount"],
        )


def test_hours_are_profiled_one_by_one_in_the_order_of_time() -> None:
    frame = as_frame(rows(4, 240)).with_columns(
        pl.Series("@timestamp", [NOW + timedelta(minutes=6 * ((n * 7) % 240)) for n in range(240)])
    )
    made_of = table(frame, {"amount": "numeric", "country": "categorical"}, timed=True)
    made = build_baseline(made_of, "card-fraud", created=NOW)
    hours = list(hourly_profiles(made_of, made))
    assert [hour.start for hour in hours] == [NOW + timedelta(hours=n) for n in range(24)]
    assert {hour.rows for hour in hours} == {10}
    assert (made.source.start, made.source.end) == (NOW, NOW + timedelta(minutes=6 * 239))
    assert {hour.baseline for hour in hours} == {made.fingerprint}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-100], "is damaged"),
        (
            lambda text: text.replace('"format": 1', '"format": 2'),
            "has format 2, this aiwatch reads 1; run",
        ),
        (lambda text: text.replace('"edges":[1.0,10.0', '"edges":[10.0,1.0'), "the edges of amount do not ascend"),
        (lambda text: text.replace('"bins":[60,40]', '"bins":[60,40,1]'), "country has 2 bins, but 3 counts"),
        (lambda text: text.replace('"sums": [0,0,0]', '"sums": [0]'), "the sums of 3 related features are not whole"),
        (lambda text: text.replace('["score","amount"', '["score","sum"'), "sum is no feature of it"),
        (lambda text: text + " " * MAX_BYTES, "bytes, where 300000 are the most"),
        (lambda text: "", "is damaged"),
    ],
)
def test_a_file_that_is_no_baseline_is_said_to_be_none(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    path = tmp_path / "card-fraud.json"
    path.write_text(change(write_baseline(baseline()).decode()))
    with pytest.raises(BaselineError, match=said) as raised:
        read_baseline(path)
    assert raised.value.file == path.as_posix()


def test_only_what_is_counted_and_how_tells_baselines_apart() -> None:
    plain = baseline()
    assert plain.fingerprint == baseline(created=NOW).fingerprint
    assert plain.fingerprint != baseline(segments={}).fingerprint
