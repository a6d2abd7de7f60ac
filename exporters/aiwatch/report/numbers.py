"""Numbers as people read them."""

from __future__ import annotations


def percent(share: float) -> str:
    """Return a share as people read it.

    >>> [percent(share) for share in (0.0, 0.0004, 0.0234, 0.7)]
    ['0 %', '0.04 %', '2.3 %', '70 %']
    """
    value = 100 * share
    digits = 0 if value == 0 or value >= 9.95 else 1 if value >= 0.095 else 2
    return f"{value:.{digits}f} %"


def short(value: float) -> str:
    """Return a number in few characters.

    >>> [short(value) for value in (0.12345, 1234.5, 2500000.0, 0.0)]
    ['0.123', '1230', '2.5e6', '0']
    """
    if abs(value) >= 100_000:
        return f"{value:.2g}".replace("e+0", "e").replace("e+", "e")
    return f"{float(f'{value:.3g}'):g}"
