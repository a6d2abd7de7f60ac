"""Rows x features per CPU second: a window of a million rows of 30 features against the baseline, on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from aiwatch.detect.aspects import Criteria
from aiwatch.detect.monitor import Monitor
from aiwatch.detect.rhythm import learn
from aiwatch.detect.tests import kolmogorov_smirnov
from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Counts, Numeric, Profile
from bench.drift.peers import install
from bench.drift.streams import Stream, World
from bench.report import Figure

ROWS, FEATURES = 1_000_000, 30
REFERENCES = 1_000_000, 50_000  # rows; peers that look at the reference again each time are faster with a small one
PROCESSES = 1000
_AT_LEAST = {"scipy": 20, "alibi-detect": 20, "nannyml": 4, "evidently": 300}


def _ours(reference: dict[str, np.ndarray], current: dict[str, np.ndarray]) -> float:
    """Return CPU seconds for binning a window and testing every feature; the baseline exists already."""
    from aiwatch import _core

    baselines = {}
    for name, values in reference.items():
        shape = Numeric(tuple(np.unique(np.quantile(values, np.arange(1, 256) / 256)).tolist()))
        bins = np.bincount(np.searchsorted(shape.edges, values), minlength=shape.bins).tolist()
        baselines[name] = FeatureBaseline(shape, Counts(bins), normal_scores(bins)), np.array(shape.edges)
    began = time.process_time()
    for name, values in current.items():
        feature, edges = baselines[name]
        bins, missing = _core.bin_counts(values, edges)
        kolmogorov_smirnov.TEST.on_counts(feature, Counts(bins, missing))
    return time.process_time() - began


def _scipy(reference: dict[str, np.ndarray], current: dict[str, np.ndarray]) -> float:
    from scipy.stats import ks_2samp

    began = time.process_time()
    for name, values in current.items():
        ks_2samp(reference[name], values)
    return time.process_time() - began


def throughput() -> list[Figure]:
    """Return how fast everybody is with a large and a small reference, and the ratios."""
    return [figure for rows in REFERENCES for figure in _throughput(rows)]


def _throughput(reference: int) -> Iterator[Figure]:
    rng = np.random.default_rng(1)
    laws = (rng.standard_normal, rng.standard_exponential, lambda size: rng.lognormal(size=size))
    made = [{f"f{n}": laws[n % 3](size=size) for n in range(FEATURES)} for size in (reference, ROWS)]
    seconds = {"aiwatch": min(_ours(*made) for _ in range(3)), "scipy": _scipy(*made)}
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, name)) for name in ("reference.parquet", "current.parquet")]
        for path, columns in zip(paths, made, strict=True):
            pl.DataFrame(columns).write_parquet(path)
        for peer in install.PEERS:
            seconds[peer] = run(peer, *paths)["seconds"]
    against = f"reference of {reference:,} rows"
    for name, taken in seconds.items():
        yield Figure(f"speed: {name}, {against}", ROWS * FEATURES / taken / 1e6, "million values per CPU second")
    for name, least in _AT_LEAST.items():
        ratio = seconds[name] / seconds["aiwatch"]
        yield Figure(f"speed: aiwatch / {name}, {against}", ratio, "ratio", f">= {least}")


def run(peer: str, reference: str, *current: str) -> dict[str, object]:
    """Return what a peer says of windows, on one core: CPU seconds, and the features that drifted in each."""
    script = Path(__file__).parent / "peers" / f"run_{peer.replace('-', '_')}.py"
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "MKL_NUM_THREADS")}
    command = ["taskset", "-c", "0", str(install.python(peer)), str(script), reference, *current]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **one, "PYTHONPATH": ""})
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def hourly() -> Figure:
    """Return how long the hourly test of many processes takes, from stored baselines, states and profiles."""
    stored = []
    for seed in range(10):
        stream = Stream(World(low=2000, high=2000, baseline_rows=100_000), seed)
        rhythm = msgspec.Raw(msgspec.json.encode(learn(stream.baseline, stream.past())))
        baseline = msgspec.structs.replace(stream.baseline, rhythm=rhythm)
        state, _ = Monitor(baseline, Criteria(), 2160).step(None, next(stream.hours(1)))
        window = list(stream.hours(2))[1]
        stored.append([msgspec.json.encode(each) for each in (baseline, state, window)])
    from aiwatch.detect.monitor import MonitorState
    from aiwatch.profiles.baseline import Baseline

    began = time.process_time()
    for number in range(PROCESSES):
        baseline, state, window = stored[number % len(stored)]
        watch = Monitor(msgspec.json.decode(baseline, type=Baseline), Criteria(), 2160)
        later, result = watch.step(
            msgspec.json.decode(state, type=MonitorState), msgspec.json.decode(window, type=Profile)
        )
        msgspec.json.encode((later, result))
    taken = time.process_time() - began
    return Figure(f"speed: hourly test of {PROCESSES} processes of 30 features", taken, "CPU seconds", "<= 30")


if __name__ == "__main__":
    print(hourly(), *throughput(), sep="\n", file=sys.stderr)
