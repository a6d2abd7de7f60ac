"""How features go together: the correlations of all pairs of normal scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from aiwatch.detect.cells import effective
from aiwatch.detect.contracts import NOTHING, Floats, Outcome

NAME = "relations"
MATERIAL = 0.1  # of a correlation


def correlations(rows: int, sums: Sequence[int], products: Sequence[int]) -> Floats:
    """Return the correlation matrix, shape (k, k), of what profiles sum up; 0 for a feature that does not vary.

    >>> correlations(4, [0, 0], [4, 2, 4]).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    number = len(sums)
    matrix = np.zeros((number, number))
    matrix[np.triu_indices(number)] = np.asarray(products, dtype=np.float64) / max(rows, 1)
    matrix = matrix + np.triu(matrix, 1).T
    means = np.asarray(sums, dtype=np.float64) / max(rows, 1)
    matrix -= np.outer(means, means)
    deviation = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    product = np.outer(deviation, deviation)
    return np.asarray(np.divide(matrix, product, out=np.zeros_like(matrix), where=product > 0).clip(-1, 1))


def shifts(before: Floats, now: Floats) -> Floats:
    """Return by how much correlations differ after Fisher's transformation, of which the variance is known.

    >>> shifts(np.array([0.5]), np.array([0.6])).round(3).tolist()
    [0.144]
    """
    limit = 1 - 1e-9
    return np.asarray(np.arctanh(now.clip(-limit, limit)) - np.arctanh(before.clip(-limit, limit)))


def compare(before: Floats, reference: int, now: Floats, rows: int, usual: float = 0.0) -> Outcome:
    """Compare two correlation matrices of this many rows; the statistic is the largest change of a correlation.

    A change of up to ``usual``, after Fisher's transformation, counts as none for the p-value.

    Each pair is tested by Fisher's transformation, the p-value is Bonferroni's over all pairs, so it holds however
    the pairs depend on each other. The effect is the change of the pair that stands out most, less what the largest
    of so many reaches by chance.

    Reference: R. A. Fisher, "On the probable error of a coefficient of correlation", 1921; on normal scores:
    H. Liu, J. Lafferty, L. Wasserman, "The nonparanormal", 2009.

    >>> outcome = compare(np.array([[1, 0.5], [0.5, 1]]), 10000, np.array([[1, 0.1], [0.1, 1]]), 1000)
    >>> outcome.statistic, outcome.p_value < 1e-9, round(outcome.effect, 2)
    (0.4, True, 0.4)
    """
    pairs = np.triu_indices(len(before), 1)
    size = effective(rows, reference)
    if not pairs[0].size or size <= 4:
        return NOTHING
    old, new = before[pairs], now[pairs]
    score = np.maximum(np.abs(shifts(old, new)) - usual, 0.0) * math.sqrt(size - 3)
    place = int(score.argmax())
    from scipy.special import ndtr

    p_value = min(1.0, 2 * float(ndtr(-score[place])) * score.size)
    change = float(abs(new[place] - old[place]))
    by_chance = (1 - old[place] ** 2) ** 2 * max(1.0, 2 * math.log(score.size)) / size
    return Outcome(float(np.abs(new - old).max()), p_value, math.sqrt(max(0.0, change**2 - by_chance)))
