"""Many tests at once: p-values that say how likely any of them errs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values: what is at most ``a`` holds for all of them together with probability 1 - ``a``.

    Unlike the false discovery rate of Benjamini and Hochberg, this is a promise about every single feature and chunk,
    however many others drift and however all of them depend on each other; where effects have to be material as well,
    it costs next to nothing.

    Reference: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
