"""The same streams without a change through the peers, with the settings that they come with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from aiwatch.profiles.profile import Categorical, Profile
from bench.drift.null import PER_DAYS
from bench.drift.peers import install
from bench.drift.speed import run
from bench.drift.streams import Stream, World
from bench.report import Figure

REFERENCE = 20_000  # rows of the training period that the peers are given


def frame(stream: Stream, window: Profile, rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Return rows that have the counts of a window (or of a training period), drawn within their bins."""
    columns = {}
    for truth in stream.truths:
        counts = window.features[truth.name]
        bins = np.repeat(np.arange(len(counts.bins)), counts.bins)
        shape = stream.baseline.features[truth.name].shape
        if isinstance(shape, Categorical):
            values = pl.Series(np.array(shape.values)[bins])
        else:
            assert truth.inverse is not None
            ends = np.concatenate([[0.0], np.cumsum(truth.shares)])
            at = ends[bins] + rng.random(len(bins)) * truth.shares[bins]
            values = pl.Series(truth.inverse.ppf(np.clip(at, 1e-9, 1 - 1e-9)).astype(float))
        values = values.extend_constant(None, counts.missing).sample(
            fraction=1.0, shuffle=True, seed=int(rng.integers(2**31))
        )
        columns[truth.name] = values.head(rows) if len(values) >= rows else values
    return pl.DataFrame(columns)


def training(stream: Stream) -> Profile:
    """Return the training period as one window."""
    features = {name: feature.counts for name, feature in stream.baseline.features.items()}
    return Profile("made-up", "1", "", next(stream.past()).start, stream.baseline.created, features=features)


def figures(hours: int, repetitions: int) -> Iterator[Figure]:
    """Yield how often each peer alarms: hours in which any feature drifts, as a rate per 90 days."""
    found: dict[str, list[bool]] = {peer: [] for peer in install.PEERS}
    for seed in range(repetitions):
        stream = Stream(World(), 500 + seed)
        rng = np.random.default_rng(seed)
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            whole = training(stream)
            rows = min(REFERENCE, stream.baseline.source.rows)
            frame(stream, whole, rng, rows).write_parquet(Path(folder, "reference.parquet"))
            for number, window in enumerate(stream.hours(hours)):
                paths.append(str(Path(folder, f"{number}.parquet")))
                frame(stream, window, rng, window.rows).write_parquet(paths[-1])
            for peer in install.PEERS:
                answer = run(peer, str(Path(folder, "reference.parquet")), *paths)["drifted"]
                assert isinstance(answer, list)
                found[peer] += [bool(names) for names in answer]
    for peer, alarms in found.items():
        name = f"false alarms in 90 days: {peer}, {len(alarms)} hours"
        yield Figure(name, sum(alarms) / len(alarms) * 24 * PER_DAYS, "hours")
