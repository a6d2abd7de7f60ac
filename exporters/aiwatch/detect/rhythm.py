"""How a process usually moves: by the hour of the week, and besides from window to window and from day to day.

A test that takes rows for independent draws from one distribution sees drift every night. What is usual is learned
from the hours of the training period and stands in the baseline file; evidence counts from there on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from scipy.special import fdtrc

from aiwatch.detect.aspects import Criteria
from aiwatch.detect.cells import effective
from aiwatch.detect.channels import Channels, Family
from aiwatch.detect.contracts import Floats
from aiwatch.detect.tests import SHARES, relations
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.profile import Profile

VERSION = 1
UNIT = 100_000  # of what is stored as whole numbers
HOUR = timedelta(hours=1)
_MONDAY = datetime(1970, 1, 5)
_FEWEST = 48  # windows
_ENOUGH_ROWS = 20  # in an hour
_BY_CHANCE = 1e-6  # probability of a season where there is none
_SURE, _TOGETHER = 4.0, 3.0  # standard errors: of one among hundreds of channels, and of all together
_ALIKE = 5  # features, from how many on they are looked at together
_AMPLITUDE = 0.1  # standard deviations: what a term of a season is like before anything is known
_STEPS = 30  # of the EM algorithm
PRIOR = 0.01  # standard deviations that every channel may wander where nothing was learned


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """The usual movement. Numbers are by channel, in ``UNIT``-ths.

    Attributes:
        version: of what is here.
        windows: from how many it was learned.
        season: coefficients of 1 and of each function of `basis`, a list for each; 0 for channels without a season.
        error: standard error of the season in a window of leverage 1.
        spread: the leverage of a window is the quadratic form of 1 and its `basis` with this matrix.
        white: standard deviation from one window to the next, beyond what the number of rows explains.
        slow: standard deviation of what lasts for hours and days.
        relation: how far the correlation that moves most (Fisher's transformation of it) usually wanders.
        volume: rows by the hour of the week, Monday 0:00 first.
        timezone: of the clock that hours of the day and of the week are read from.
    """

    version: int
    windows: int
    season: tuple[tuple[int, ...], ...]
    error: tuple[int, ...]
    spread: tuple[tuple[float, ...], ...]
    white: tuple[int, ...]
    slow: tuple[int, ...]
    relation: int
    volume: tuple[int, ...]
    timezone: str = "UTC"


def _clock(time: datetime, timezone: str) -> float:
    """Return the hours since a Monday 0:00 that a clock on a wall shows; it is put forward and back with the seasons.

    >>> winter, summer = (datetime(2026, month, 2, 7, tzinfo=ZoneInfo("UTC")) for month in (3, 4))
    >>> [_clock(time, zone) % 24 for zone in ("UTC", "Europe/Berlin") for time in (winter, summer)]
    [7.0, 7.0, 8.0, 9.0]
    """
    return (time.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) - _MONDAY) / HOUR


def basis(start: datetime, end: datetime, terms: int = 16, timezone: str = "UTC") -> Floats:
    """Return the functions of time of which a rhythm is a sum, averaged over a window.

    These are three harmonics of the day, three of the week, and the products of the first of each: the days differ,
    and so do the hours of different days.

    >>> nine = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("UTC"))
    >>> [len(basis(nine, nine + HOUR, terms)) for terms in (0, 6, 16)]
    [0, 6, 16]
    """
    hours = max(1, min(168, round((end - start) / HOUR)))
    at = _clock(start, timezone) + 0.5 + np.arange(hours)
    day, week = 2 * math.pi * at / 24, 2 * math.pi * at / 168
    daily = [wave(number * day) for number in (1, 2, 3) for wave in (np.sin, np.cos)]
    weekly = [wave(number * week) for number in (1, 2, 3) for wave in (np.sin, np.cos)]
    both = [one * other for one in daily[:2] for other in weekly[:2]]
    return np.array([wave.mean() for wave in [*daily, *weekly, *both][:terms]])


def learn(baseline: Baseline, profiles: Iterable[Profile], timezone: str = "UTC") -> Rhythm | None:
    """Return the rhythm of windows that follow each other, or None when they are too few to tell.

    :param timezone: of the clock that people follow whose days and weeks it is.

    Daily terms take three days, weekly ones two weeks. The variance that is left, beyond that of the rows, is divided
    by its autocovariance: what one window has in common with the ones before it is slow, the rest is white. Of both
    only what is surely more than chance is believed, for where hours have few rows much would be; see `_shared`.
    """
    channels = Channels(baseline, Criteria())
    used = []
    related = _Related(baseline)
    for profile in profiles:
        if profile.rows >= _ENOUGH_ROWS:
            used.append((profile.start, profile.end, *channels.read(profile), profile.rows))
            related.add(profile)
    if len(used) < _FEWEST:
        return None
    starts = [row[0] for row in used]
    means, rows = np.array([row[2] for row in used]), np.array([row[3] for row in used])
    numbers = np.array([float(row[4]) for row in used])
    weights = 1 / (1 / numbers + np.median(1 / numbers))
    sampling = channels.variance / np.maximum(rows, 1)
    moved = np.where(rows > 0, means - channels.center, 0.0)
    days = (starts[-1] - starts[0]) / timedelta(days=1)
    terms = 16 if days >= 14 else 6 if days >= 3 else 0
    design = np.array([[1.0, *basis(row[0], row[1], terms, timezone)] for row in used])
    fit = _fit(design, moved, weights, channels.families)
    common, noise = _persistent(fit.left, weights, starts)
    slow = _shared(common, noise, channels) * _longer(days)
    beyond = fit.left**2 * len(used) / fit.freedom - sampling
    precise = weights**2  # a square varies with the square of what a mean does
    total = precise @ beyond / precise.sum()
    noise = np.hypot(noise, np.sqrt(precise**2 @ (beyond - total) ** 2) / precise.sum())
    white = _shared(total - common, noise, channels)
    return Rhythm(
        version=VERSION,
        windows=len(used),
        season=tuple(_whole(each) for each in fit.season) if terms else (),
        error=_whole(fit.error),
        spread=tuple(tuple(float(f"{each:.4g}") for each in row) for row in fit.spread.tolist()),
        white=_whole(np.sqrt(white)),
        slow=_whole(np.sqrt(slow)),
        relation=round(related.wander() * UNIT),
        volume=_volume(used, timezone),
        timezone=timezone,
    )


def rhythm_of(baseline: Baseline) -> Rhythm | None:
    """Return the rhythm that a baseline knows, if any."""
    return msgspec.json.decode(baseline.rhythm, type=Rhythm | None)


def usual_rows(rhythm: Rhythm | None, start: datetime, end: datetime) -> float:
    """Return how many rows the hours of a window had in the training period; 0 if one of them never came."""
    if rhythm is None or rhythm.version != VERSION:
        return 0.0
    first = int(_clock(start, rhythm.timezone))
    number = math.ceil((end - start) / HOUR)
    hours = [rhythm.volume[hour % 168] for hour in range(first, first + number)]
    return float(sum(hours)) if all(hours) else 0.0


@dataclass(frozen=True)
class _Fit:
    season: Floats  # 1 + terms x channels, 0 for a channel without a season
    left: Floats  # windows x channels
    freedom: Floats  # by channel: windows less what was fitted
    error: Floats  # by channel: of its season, for a leverage of 1
    spread: Floats  # square: the leverage of a window with (1 and) terms x is x spread x


def _fit(design: Floats, moved: Floats, weights: Floats, families: Sequence[Family]) -> _Fit:
    """Fit a season by weighted least squares; keep it for families in which any channel surely has one (F test).

    A prior keeps it from going astray in hours of the week that hardly had any rows. What each term is like in those
    families is then learned from all of them (`_learned`), so that none pays for terms that no feature has.
    """
    precision, pull = design.T @ (weights[:, None] * design), design.T @ (weights[:, None] * moved)
    prior = np.full(len(precision), _AMPLITUDE**2)
    spread = _covariance(precision, prior)
    season = spread @ pull
    terms, freedom = len(season) - 1, len(moved) - len(season)
    mean = weights @ moved / weights.sum()
    around = weights @ (moved - mean) ** 2
    chance = weights @ (moved - design @ season) ** 2 / freedom
    kept = np.zeros(len(mean), dtype=bool)
    if terms:
        ratio = (around - chance * freedom) / terms / np.maximum(chance, 1e-300)
        sure = fdtrc(terms, freedom, np.maximum(ratio, 0.0)) < _BY_CHANCE
        found = np.logical_or.reduceat(sure, [each.first for each in families])
        kept = np.repeat(found, [each.last - each.first for each in families])
    known = kept & (chance > 0)
    if known.any():
        spread = _learned(precision, pull[:, known] / np.sqrt(chance[known]), prior)
        season = spread @ pull
    alone = np.zeros_like(season)
    alone[0] = mean
    left = moved - design @ np.where(kept, season, alone)
    degrees = np.where(kept, float(freedom), len(moved) - 1.0)
    return _Fit(np.where(kept, season, 0.0), left, degrees, np.sqrt(chance) * kept, spread)


def _learned(precision: Floats, pull: Floats, variances: Floats) -> Floats:
    """Return the covariance of coefficients whose prior variance is learned from many channels, of a chance of 1 each.

    Steps of the EM algorithm: the variance of a coefficient becomes its mean square, over channels, under what the
    last one and the data say of it. It falls slowly where there is nothing, so that a few steps err to the wide side.

    Reference: A. Dempster, N. Laird, D. Rubin, "Maximum likelihood from incomplete data via the EM algorithm", 1977.
    """
    for _ in range(_STEPS):
        spread = _covariance(precision, variances)
        variances = ((spread @ pull) ** 2).mean(axis=1) + np.diag(spread)
    return spread


def _covariance(precision: Floats, variances: Floats) -> Floats:
    """Return the covariance of coefficients that the data know with ``precision``, before it by their ``variances``."""
    return np.asarray(np.linalg.inv(precision + np.diag(1 / variances)), dtype=np.float64)


def _shared(variances: Floats, errors: Floats, channels: Channels) -> Floats:
    """Return estimated variances by channel, as far as they can be believed, relative to those of a row.

    Of a family that is its largest one, of those that are surely more than chance by themselves; or, where the values
    of all features (or what they lack) surely vary taken together, of all, and at least what is usual among these.
    """
    usual = np.maximum(channels.variance, 1e-9)
    bounds = [family.first for family in channels.families]
    numbers = np.diff([*bounds, len(usual)])
    sure = variances > _SURE * errors
    believed = np.maximum.reduceat(np.where(sure, variances / usual, 0.0), bounds)
    largest = np.maximum.reduceat(variances / usual, bounds)
    mean, error = (np.add.reduceat(each / usual, bounds) / numbers for each in (variances, errors))
    varied = np.add.reduceat(channels.variance, bounds) > 0
    lacks = np.array([family.test in SHARES for family in channels.families])
    for alike in (varied & lacks, varied & ~lacks):
        if alike.sum() >= _ALIKE and mean[alike].sum() > _TOGETHER * math.sqrt(float((error[alike] ** 2).sum())):
            believed[alike] = np.maximum(largest, largest[alike].mean())[alike]
    return np.repeat(believed, numbers) * channels.variance


def _longer(days: float) -> float:
    """Return how much larger the variance of what lasts for days is around the mean of a training period, later on.

    The mean takes a part of it along, and is off by as much: with ``n`` independent stretches, for which weeks are
    taken, (1 + 1/n) / (1 - 1/n) times.

    >>> [round(_longer(days), 2) for days in (3, 14, 28, 90)]
    [3.0, 3.0, 1.67, 1.17]
    """
    weeks = max(2.0, days / 7)
    return (1 + 1 / weeks) / (1 - 1 / weeks)


def _persistent(left: Floats, weights: Floats, starts: list[datetime]) -> tuple[Floats, Floats]:
    """Return the mean autocovariance over the next three hours, and its standard error."""
    products, total, squares = np.zeros(left.shape[1]), 0.0, np.zeros(left.shape[1])
    times = np.array([(start - starts[0]) / HOUR for start in starts])
    for lag in (1, 2, 3):
        near = times[lag:] - times[:-lag] <= 6
        pair = weights[lag:] * weights[:-lag] * near
        product = left[lag:] * left[:-lag]
        products += pair @ product
        total += float(pair.sum())
        squares += pair**2 @ product**2
    total = max(total, 1e-300)
    return products / total, np.sqrt(squares) / total


def _whole(values: Floats) -> tuple[int, ...]:
    return tuple(int(value) for value in np.rint(values * UNIT))


def _volume(used: list[tuple[datetime, datetime, Floats, Floats, int]], timezone: str) -> tuple[int, ...]:
    """Return the mean number of rows by hour of the week; 0 for an hour that never came."""
    totals, numbers = np.zeros(168), np.zeros(168)
    for start, _, _, _, rows in used:
        hour = int(_clock(start, timezone)) % 168
        totals[hour] += rows
        numbers[hour] += 1
    return tuple(round(total / number) if number else 0 for total, number in zip(totals, numbers, strict=True))


class _Related:
    """How far the correlations of windows lie from the baseline's, beyond chance."""

    def __init__(self, baseline: Baseline) -> None:
        self._rows = baseline.source.rows
        self._before = relations.correlations(self._rows, baseline.sums, baseline.products)
        self._excess = np.zeros_like(self._before)
        self._weight = 0.0

    def add(self, profile: Profile) -> None:
        """Take one window in."""
        size = effective(profile.rows, self._rows)
        if size > 4 and profile.sums:
            now = relations.correlations(profile.rows, profile.sums, profile.products)
            weight = size - 3
            self._excess += weight * (relations.shifts(self._before, now) ** 2 - 1 / weight)
            self._weight += weight

    def wander(self) -> float:
        """Return the root of the excess variance of the pair that has most of it."""
        return math.sqrt(max(0.0, float((self._excess / max(self._weight, 1.0)).max(initial=0.0))))


class Usual:
    """What is usual at a time, by channel."""

    def __init__(self, rhythm: Rhythm | None, channels: Channels) -> None:
        """Prepare; without a rhythm, or with one of another version, every channel may wander a little."""
        fits = rhythm is not None and rhythm.version == VERSION and len(rhythm.slow) == len(channels.center)
        self.learned = fits
        self.relation = 0.0
        self._timezone = rhythm.timezone if rhythm is not None else "UTC"
        if rhythm is not None and fits:
            self.relation = rhythm.relation / UNIT
            self._season = np.array(rhythm.season, dtype=np.float64).reshape(-1, len(channels.center)) / UNIT
            self._error = np.array(rhythm.error, dtype=np.float64) / UNIT
            self._spread = np.array(rhythm.spread, dtype=np.float64)
            self.white = np.array(rhythm.white, dtype=np.float64) / UNIT
            self.slow = np.array(rhythm.slow, dtype=np.float64) / UNIT
        else:
            self._season = np.zeros((0, len(channels.center)))
            self._error = np.zeros(len(channels.center))
            self._spread = np.zeros((1, 1))
            self.white = np.zeros(len(channels.center))
            self.slow = PRIOR * np.sqrt(channels.variance)

    def offset(self, start: datetime, end: datetime) -> tuple[Floats, Floats]:
        """Return how far from the baseline's mean every channel usually is in a window, and the error of that."""
        if not len(self._season):
            return np.zeros(self._season.shape[1]), self._error
        waves = np.array([1.0, *basis(start, end, len(self._season) - 1, self._timezone)])
        return waves @ self._season, self._error * math.sqrt(float(waves @ self._spread @ waves))
