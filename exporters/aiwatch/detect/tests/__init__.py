"""The statistical tests, one file each, registered here."""

from __future__ import annotations

from aiwatch.detect.contracts import DriftTest
from aiwatch.detect.tests import (
    chi_squared,
    jensen_shannon,
    kolmogorov_smirnov,
    missing_share,
    psi,
    unseen_categories,
    wasserstein,
)
from aiwatch.profiles.profile import Numeric, Shape

TESTS: tuple[DriftTest, ...] = (
    kolmogorov_smirnov.TEST,
    wasserstein.TEST,
    chi_squared.TEST,
    jensen_shannon.TEST,
    psi.TEST,
    missing_share.TEST,
    unseen_categories.TEST,
)
"""The tests of one feature. ``relations`` tests all of them together, and takes other arguments."""

SHARES = (missing_share.TEST, unseen_categories.TEST)
"""Those of what rows lack or do not know; the others are of values."""

MANY_ROWS = 1000


def by_name(name: str) -> DriftTest:
    """Return a test by its name.

    Raises:
        KeyError: there is none of this name.

    >>> by_name("psi").material
    0.02
    """
    return {test.name: test for test in TESTS}[name]


def choose(shape: Shape, rows: int) -> DriftTest:
    """Return the test of the values of a feature, for windows of at least this many rows.

    The greatest distance of two distribution functions needs no unit, no bins and no moments, so it suits every
    number. Of categories, few rows are tested on the contingency table, which stays exact for them; many by the
    Jensen-Shannon distance, whose size means the same for 2 and for 200 categories.

    >>> from aiwatch.profiles.profile import Categorical
    >>> choose(Numeric((1.0,)), 100).name, choose(Categorical(("a",)), 100).name
    ('kolmogorov_smirnov', 'chi_squared')
    """
    if isinstance(shape, Numeric):
        return kolmogorov_smirnov.TEST
    return chi_squared.TEST if rows < MANY_ROWS else jensen_shannon.TEST
