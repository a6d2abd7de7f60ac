"""Where a feature is going: when its effect will be material, if it goes on as it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aiwatch.detect.contracts import Floats

FEWEST = 48  # windows
SURE = 4.0  # standard errors by which a slope must differ from 0: there are many features and hours
INTERVAL = 1.645  # standard errors: 90 %


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long it takes, from the last window on, until the effect is material, with a 90 % interval.

    ``latest`` is None if the slope may be too small to get there at all; ``slope`` is per day.
    """

    earliest: timedelta
    expected: timedelta
    latest: timedelta | None
    slope: float


def forecast(times: Sequence[datetime], effects: Sequence[float], material: float) -> Forecast | None:
    """Return when an effect will reach ``material``; None if there is no clear trend, or it is there already.

    A straight line by least squares. The error of its slope takes into account that neighbouring windows have much in
    common: at least as much as the residuals show from one to the next, and one day to the next.

    Reference: W. Newey, K. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
    covariance matrix", 1987.

    >>> hours = [datetime(2026, 3, 1) + timedelta(hours=hour) for hour in range(96)]
    >>> noise = np.random.default_rng(1).normal(0, 0.004, 96)
    >>> found = forecast(hours, list(0.01 + 0.0002 * np.arange(96) + noise), 0.05)
    >>> round(found.expected / timedelta(hours=1)), found.earliest < found.expected < found.latest
    (111, True)
    >>> forecast(hours, list(0.01 + noise), 0.05) is None
    True
    """
    if len(times) < FEWEST:
        return None
    days = np.array([(time - times[-1]) / timedelta(days=1) for time in times])
    values = np.asarray(effects, dtype=np.float64)
    middle = days - days.mean()
    slope = float((middle * values).sum() / (middle**2).sum())
    now = float(values.mean() + slope * (0 - days.mean()))
    left = values - values.mean() - slope * middle
    error = _error(middle, left)
    if slope <= SURE * error or now >= material:
        return None
    missing = material - now
    low = slope - INTERVAL * error
    return Forecast(
        timedelta(days=missing / (slope + INTERVAL * error)),
        timedelta(days=missing / slope),
        timedelta(days=missing / low) if low > 0 else None,
        slope,
    )


def _error(middle: Floats, left: Floats) -> float:
    """Return the standard error of a slope: Newey and West's with lags of up to a day of hourly windows."""
    scores = middle * left
    lags = min(24, len(scores) // 4)
    total = float((scores**2).sum())
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * float((scores[lag:] * scores[:-lag]).sum())
    independent = float((scores**2).sum())
    return math.sqrt(max(total, independent)) / float((middle**2).sum())
