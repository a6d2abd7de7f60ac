"""Times as tables write them: ISO 8601 in any form, or a number since 1970."""

from __future__ import annotations

from typing import Any

import polars as pl

from aiwatch.profiles.tables.raw import TEXT_MARK

_TIME = r"^(\d{4}[-/]\d\d[-/]\d\d)(?:[T t](\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s?(?:([Zz]|[+-]\d\d)(?::?(\d\d))?)?)?$"


def is_time_text(text: Any) -> bool:
    """Tell whether a text is a date or a time, as ISO 8601 writes it."""
    plain = str(text).removeprefix(TEXT_MARK)
    if len(plain) < len("2026-03-01") or not plain[:4].isdecimal() or plain[4] not in "-/":
        return False
    return pl.select(from_text(pl.lit(plain))).item() is not None


def from_text(text: pl.Expr) -> pl.Expr:
    """Return ISO 8601's texts as times in UTC, each by itself, for fractions and zones come and go within a column.

    >>> texts = ["2026-03-01", "2026/03/01 12:00", "2026-03-01T12:00:00.5+05:30", "2026-03-01 12:00:00+00", "1 March"]
    >>> for time in pl.select(from_text(pl.lit(pl.Series(texts)))).to_series(): print(time)
    2026-03-01 00:00:00+00:00
    2026-03-01 12:00:00+00:00
    2026-03-01 06:30:00.500000+00:00
    2026-03-01 12:00:00+00:00
    None
    """
    parts = text.str.strip_chars(" ").str.extract_groups(_TIME)
    day, clock, rest, zone, minutes = (parts.struct.field(str(number)) for number in range(1, 6))
    whole = pl.concat_str(
        day.str.replace_all("/", "-", literal=True),
        pl.lit("T"),
        clock.fill_null("00:00"),
        rest.fill_null(":00"),
        zone.fill_null("+00").str.to_uppercase().replace("Z", "+00"),
        pl.lit(":"),
        minutes.fill_null("00"),
    )
    return whole.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def epoch_unit(value: float) -> int | None:
    """Return how many parts of a second a number counts since 1970, or None when it is no time of this century.

    >>> epoch_unit(1772348400), epoch_unit(1772348400_000), epoch_unit(42)
    (1, 1000, None)
    """
    for unit in (1, 10**3, 10**6, 10**9):
        if 946_684_800 <= value / unit < 4_102_444_800:
            return unit
    return None
