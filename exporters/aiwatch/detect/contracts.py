"""What a statistical test is: two distributions of one feature in, how likely and how large the change is out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiwatch.profiles.baseline import FeatureBaseline
from aiwatch.profiles.profile import Counts, Shape

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test says of one window.

    Attributes:
        statistic: as the test is usually quoted.
        p_value: the probability of a statistic this large without a change, both samples being samples.
        effect: the size of the change in the test's measure, without what chance alone adds to it.
    """

    statistic: float
    p_value: float
    effect: float


NOTHING = Outcome(0.0, 1.0, 0.0)
"""The outcome where there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class DriftTest:
    """A test of one feature.

    Attributes:
        name: its module, and what the catalogue calls it.
        shapes: which features it is for.
        material: the effect from which on a change matters, unless the catalogue says otherwise.
        on_counts: compares a window's counts with the baseline's, which were counted in the same bins.
        on_values: the same for two arrays of numbers without gaps, where bins would lose something.
    """

    name: str
    shapes: tuple[type[Shape], ...]
    material: float
    on_counts: Callable[[FeatureBaseline, Counts], Outcome]
    on_values: Callable[[Floats, Floats], Outcome] | None = None
