"""Evidence against "nothing material changed" that may be looked at after every window, for ever.

Every channel plays a bet against the hypothesis that its mean lies within what is immaterial or usual. While that
holds, the expected factor by which a bet multiplies its stake is at most 1 in every window, whatever the past: an
e-value. A detector that restarts such bets in every window (Shiryaev and Roberts) has an expected value of at most
``t`` after ``t`` windows, and so has any average of such detectors; a threshold ``c`` is then reached after ``c``
windows on average at the earliest. No independence between channels is needed.

Reference: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
2023. The bets are those of Bernstein's inequality: S. Howard et al., "Time-uniform Chernoff bounds via nonnegative
supermartingales", 2020.
"""

from __future__ import annotations

import numpy as np

from aiwatch.detect.channels import BETS, Channels
from aiwatch.detect.contracts import Floats
from aiwatch.detect.rhythm import Usual

SURE = 3.0  # standard errors of the baseline that its mean may be off
WANDER = 4.0  # standard deviations of the slow movement that count as usual
MOST = 60.0  # log evidence that is kept: more would take longer to forget


def log_bets(channels: Channels, usual: Usual, means: Floats, rows: Floats, season: tuple[Floats, Floats]) -> Floats:
    """Return the logarithm of every bet's e-value in one window, shape (2, BETS, channels): up and down.

    The mean of ``rows`` values is compared with the boundary of what is immaterial: center and season (with its error,
    see `Usual.offset`), plus or minus the immaterial change, the baseline's own error and the usual slow movement. A
    gain beyond it, of ``y`` standard errors, is bet on with ``(y x - y² / 2) / (1 + y r / 3)``, where ``x`` is the
    observed mean beyond the boundary and ``r`` the reach of a single row, both in standard errors: Bernstein's bound of
    the moment generating function. A bet that cannot be won has no evidence.
    """
    counted = np.maximum(rows, 1.0)
    offset, doubt = season
    middle = channels.center + offset
    unsure = SURE * np.hypot(channels.error, doubt)
    band = np.hypot(channels.immaterial, unsure) + WANDER * usual.slow
    found = np.zeros((2, BETS, len(middle)))
    for side, sign in enumerate((1.0, -1.0)):
        edge = middle + sign * band
        within = np.clip(edge, 0.0, 1.0)
        variance = np.where(channels.share, within * (1 - within), channels.variance)
        error = np.sqrt(variance / counted + usual.white**2)
        possible = (rows > 0) & (error > 0) & ~(channels.share & (within != edge))
        error = np.where(possible, error, 1.0)
        reach = np.maximum(channels.reach[side], 0.0) / (counted * error)
        gain = channels.gains / error
        bet = (gain * sign * (means - edge) / error - gain**2 / 2) / (1 + gain * reach / 3)
        found[side] = np.where(possible, bet, -np.inf)
    return found


def accumulate(log_evidence: Floats, log_e: Floats) -> Floats:
    """Return the log evidence after one more window: the stake of this window's new bets is 1.

    >>> accumulate(np.array([-np.inf, 0.0]), np.log([2.0, 3.0])).round(4).tolist() == np.log([2, 6]).round(4).tolist()
    True
    """
    return np.asarray(np.minimum(np.logaddexp(0.0, log_evidence) + log_e, MOST))


def by_family(log_evidence: Floats, channels: Channels) -> Floats:
    """Return the log of the weighted average of each family's evidence, of shape (2, BETS, channels)."""
    weighted = np.exp(log_evidence).sum(axis=(0, 1)) * channels.weights / (2 * BETS)
    sums = np.add.reduceat(weighted, [family.first for family in channels.families])
    return np.log(np.maximum(sums, 1e-300))


def log_e_of_p(p_value: float) -> float:
    """Return the logarithm of the e-value that a p-value is worth: the average of k p^(k - 1) over k in (0, 1).

    Reference: V. Vovk, R. Wang, "E-values: calibration, combination and applications", 2021.

    >>> round(log_e_of_p(1e-9), 2), round(log_e_of_p(0.5), 2)
    (14.66, -0.45)
    """
    p = float(np.clip(p_value, 1e-290, 1 - 1e-9))
    log = np.log(p)
    return float(np.log((1 - p + p * log) / (p * log**2)))
