"""Streams of hourly windows of a made-up model, as counts, with and without a change.

Rows are drawn independently within an hour, so the counts of a feature in an hour are multinomial, and drawing these
is the same as drawing rows and counting them. Features are independent of each other; the sums of products of their
scores are drawn from the normal distribution that they have then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aiwatch.profiles.baseline import FORMAT, Baseline, FeatureBaseline, Source
from aiwatch.profiles.normal_scores import normal_scores
from aiwatch.profiles.profile import Categorical, Counts, Numeric, Profile, Shape

Floats = NDArray[np.float64]
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
BINS = 100


@dataclass(frozen=True)
class Truth:
    """One feature as it is: its distribution over what bins tell apart, and how it depends on the time.

    ``inverse`` maps the normal score of a number to its value; None for a category.
    """

    name: str
    shares: Floats
    missing: float
    inverse: stats.rv_continuous | stats.rv_discrete | None
    edges: Floats | None = None
    season: float = 0.0  # amplitude of the daily shift, in standard deviations of the normal score
    phase: float = 0.0


@dataclass(frozen=True)
class Change:
    """What changes in the first feature of a kind, from hour ``at`` on."""

    kind: str = "none"
    at: int = 0
    size: float = 0.0

    def amount(self, hour: int) -> float:
        """Return the size of the change in an hour; a ramp grows by ``size`` a day."""
        if self.kind == "none" or hour < self.at:
            return 0.0
        return self.size * (hour - self.at) / 24 if self.kind == "ramp" else self.size


@dataclass(frozen=True)
class World:
    """Everything about a stream but its seed.

    Attributes:
        low, high: rows in the emptiest and the fullest hour of an average week.
        season: amplitude of daily shifts of a third of the features, in standard deviations.
        wander: standard deviation of a daily autoregression (0.8 from day to day) that shifts every feature.
        jitter: standard deviation of an independent shift of every feature in every hour.
        baseline_rows: rows of the training period, spread over four weeks.
    """

    low: float = 50
    high: float = 20_000
    season: float = 0.0
    wander: float = 0.0
    jitter: float = 0.0
    baseline_rows: int = 200_000
    numbers: tuple[str, ...] = field(
        default=("norm", "lognorm", "pareto", "expon", "t2", "gamma", "uniform", "beta", "bimodal", "norm")
    )


def truths(world: World, rng: np.random.Generator) -> list[Truth]:
    """Return 30 mixed features and a score: heavy-tailed, discrete, zero-inflated, of 2 to 200 categories."""
    continuous = [
        stats.norm(50, 10), stats.lognorm(1.5), stats.pareto(1.8), stats.expon(), stats.t(2), stats.gamma(2),
        stats.uniform(), stats.beta(0.5, 0.5), stats.lognorm(0.5), stats.norm(), stats.cauchy(), stats.weibull_min(0.7),
    ]  # fmt: skip
    discrete = [stats.poisson(0.3), stats.poisson(4), stats.geom(0.2), stats.binom(10, 0.5), stats.nbinom(1, 0.02)]
    sizes = [2, 2, 2, 3, 5, 8, 12, 20, 35, 60, 100, 150, 200]
    found = []
    for number, law in enumerate([*continuous, *discrete]):
        edges = np.unique(law.ppf(np.arange(1, BINS) / BINS))
        shares = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))
        season = world.season if number % 3 == 0 else 0.0
        missing = (0.0, 0.0, 0.002, 0.01, 0.2)[number % 5]
        found.append(Truth(f"number{number}", shares, missing, law, edges, season, rng.uniform(0, 24)))
    for number, size in enumerate(sizes):
        shares = 1 / np.arange(1, size + 1) ** rng.uniform(0.3, 1.3)
        season = world.season if number % 3 == 0 else 0.0
        missing = (0.0, 0.01, 0.05)[number % 3]
        found.append(Truth(f"category{number}", shares / shares.sum(), missing, None, None, season, rng.uniform(0, 24)))
    law = stats.beta(2, 5)
    edges = law.ppf(np.arange(1, BINS) / BINS)
    return [*found, Truth("score", np.full(BINS, 1 / BINS), 0.0, law, edges, world.season / 2, 3.0)]


def tilted(shares: Floats, shift: float, scale: float = 1.0) -> Floats:
    """Return shares of bins whose normal scores are shifted and stretched."""
    if shift == 0.0 and scale == 1.0:
        return shares
    ends = np.clip(np.concatenate([[0.0], np.cumsum(shares)]), 0.0, 1.0)
    moved = stats.norm.cdf((stats.norm.ppf(ends) - shift) / scale)
    moved[0], moved[-1] = 0.0, 1.0
    return np.maximum(np.diff(moved), 0.0)


def volume(world: World, hour: int) -> float:
    """Return the rows that an hour of the week has on average."""
    day, time = divmod(hour % 168, 24)
    height = 0.5 - 0.5 * math.cos(2 * math.pi * (time - 3) / 24)
    height *= 1.0 if day < 5 else 0.4
    return world.low * (world.high / world.low) ** height


class Stream:
    """A baseline and the hours after it, drawn with one seed."""

    def __init__(self, world: World, seed: int, change: Change = Change(), rows: int | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.world, self.change, self.rows = world, change, rows
        self.truths = truths(world, self.rng)
        self._days = np.zeros(len(self.truths))
        scale = world.baseline_rows / sum(volume(world, hour) for hour in range(4 * 168))
        hours = [
            self._draw(hour, self.rng.poisson(max(1.0, scale * volume(world, hour)))) for hour in range(-4 * 168, 0)
        ]
        self.history = hours
        self.baseline = self._baseline()

    def _baseline(self) -> Baseline:
        features: dict[str, FeatureBaseline] = {}
        for place, truth in enumerate(self.truths):
            total = sum((hour[1][place][0] for hour in self.history), np.zeros(len(truth.shares), dtype=np.int64))
            missing = sum(hour[1][place][1] for hour in self.history)
            shape: Shape = (
                Categorical(tuple(f"c{n}" for n in range(len(truth.shares))))
                if truth.edges is None
                else Numeric(tuple(truth.edges.tolist()))
            )
            counts = Counts(total.tolist(), missing)
            features[truth.name] = FeatureBaseline(shape, counts, normal_scores(counts.bins))
        rows = sum(hour[0] for hour in self.history)
        draft = Baseline(FORMAT, "made-up", None, START, Source((), "", rows), features, tuple(features))
        whole = self.profile(draft, -4 * 168, self._summed())
        return Baseline(
            FORMAT, "made-up", None, START, Source((), "", rows), features, tuple(features),
            tuple(whole.sums), tuple(whole.products),
        )  # fmt: skip

    def _summed(self) -> tuple[int, list[tuple[NDArray[np.int64], int, int]]]:
        parts = []
        for place, truth in enumerate(self.truths):
            total = sum((hour[1][place][0] for hour in self.history), np.zeros(len(truth.shares), dtype=np.int64))
            parts.append((total, sum(hour[1][place][1] for hour in self.history), 0))
        return sum(hour[0] for hour in self.history), parts

    def past(self) -> Iterator[Profile]:
        """Yield the hours of the training period."""
        for number, hour in enumerate(self.history):
            yield self.profile(self.baseline, number - 4 * 168, hour)

    def hours(self, number: int) -> Iterator[Profile]:
        """Yield the hours after the training period."""
        for hour in range(number):
            rows = self.rows or int(np.clip(self.rng.poisson(volume(self.world, hour)), 50, 20_000))
            yield self.profile(self.baseline, hour, self._draw(hour, rows))

    def _draw(self, hour: int, rows: int) -> tuple[int, list[tuple[NDArray[np.int64], int, int]]]:
        """Return for each feature the counts in bins, the missing ones and the unseen ones."""
        world, rng = self.world, self.rng
        if hour % 24 == 0:
            self._days = 0.8 * self._days + 0.6 * rng.standard_normal(len(self.truths))
        amount = self.change.amount(hour)
        found = []
        for place, truth in enumerate(self.truths):
            shift = truth.season * math.sin(2 * math.pi * (hour - truth.phase) / 24) + world.wander * self._days[place]
            shift += world.jitter * rng.standard_normal() if world.jitter else 0.0
            scale, missing, new = 1.0, truth.missing, 0.0
            if amount and place == 0:
                shift += amount if self.change.kind in ("mean", "ramp") else 0.0
                scale = amount if self.change.kind == "scale" else 1.0
                missing += amount if self.change.kind == "missing" else 0.0
            if amount and self.change.kind == "category" and truth.name == "category5":
                new = amount
            held = rng.binomial(rows, 1 - missing) if missing else rows
            unseen = rng.binomial(held, new) if new else 0
            bins = rng.multinomial(held - unseen, tilted(truth.shares, shift, scale))
            found.append((bins, rows - held, unseen))
        return rows, found

    def profile(
        self, baseline: Baseline, hour: int, drawn: tuple[int, list[tuple[NDArray[np.int64], int, int]]]
    ) -> Profile:
        """Return an hour as a profile; the products of scores are those of independent features."""
        rows, parts = drawn
        features, sums, squares = {}, [], []
        for truth, (bins, missing, unseen) in zip(self.truths, parts, strict=True):
            scores = np.asarray(baseline.features[truth.name].scores)
            sums.append(int(bins @ scores))
            squares.append(int(bins @ scores**2))
            features[truth.name] = Counts(bins.tolist(), missing, 0, {"new": unseen} if unseen else {})
        total, square = np.array(sums, dtype=float), np.array(squares, dtype=float)
        mean = total / max(rows, 1)
        spread = np.sqrt(np.maximum(square / max(rows, 1) - mean**2, 0.0))
        noise = self.rng.standard_normal((len(sums), len(sums)))
        products = rows * np.outer(mean, mean) + math.sqrt(rows) * np.outer(spread, spread) * noise
        np.fill_diagonal(products, square)
        triangle = products[np.triu_indices(len(sums))]
        start = START + hour * HOUR
        return Profile(
            "made-up", "1", baseline.fingerprint if hour >= 0 else "", start, start + HOUR, rows,
            features=features, sums=sums, products=[round(each) for each in triangle.tolist()],
        )  # fmt: skip
