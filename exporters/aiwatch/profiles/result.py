"""What a test of one window found: the document that metrics, reports and the response read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from aiwatch import names

State = Literal["ok", "drift", "not_enough_data", "learning", "no_baseline"]
Cause = Literal["pipeline", "population", "concept", "model", "upstream", "infrastructure"]

RESULTS = f"{names.INDEX_PREFIX}{names.FAMILY_DRIFT}-*"
"""All indices of results."""

_ID_TIME = "%Y%m%dT%H%MZ"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One feature (``score``, ``relations``, ``volume`` count as such) in one window.

    Attributes:
        feature: its name.
        test: the registry name of the statistical test.
        statistic: the test's own statistic.
        p_value: of this window alone, not corrected for anything.
        effect: size of the change in the test's measure.
        material: from which effect on a change matters.
        evidence: log evidence over time, divided by what an alarm takes: 1 is an alarm.
        drifted: significant over time and material.
        since: first window of the change as estimated, for a feature that drifted.
        sudden: a jump (True) or a slope (False), for a feature that drifted.
        how: in words: "mean 12.1, was 8.0", "missing 14 %, was 0.2 %".
    """

    feature: str
    test: str
    statistic: float
    p_value: float
    effect: float
    material: float
    evidence: float
    drifted: bool
    since: datetime | None = None
    sudden: bool | None = None
    how: str = ""


class Claim(msgspec.Struct, frozen=True):
    """A possible cause with how likely it is (0 to 1) and why, best first in a result."""

    cause: Cause
    kind: str  # such as "missing", "scale", "frozen", "duplicates", "volume"; the cause's own name otherwise
    weight: float
    evidence: tuple[str, ...]
    features: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One tested window of a process. ``report`` is what a page needs besides (distributions, segments, series)."""

    id: str
    time: datetime = msgspec.field(name=names.TIMESTAMP)  # the window's start
    end: datetime
    process: str
    model_version: str
    baseline: str
    rows: int
    state: State
    findings: tuple[Finding, ...]
    causes: tuple[Claim, ...] = ()
    text: str = ""  # a few lines for the alert
    report: dict[str, Any] = {}


def result_id(process: str, start: datetime) -> str:
    """Return the id of the result of a window, which is that of its report too.

    >>> from datetime import UTC
    >>> result_id("card-fraud", datetime(2026, 3, 1, 7, tzinfo=UTC))
    'card-fraud:20260301T0700Z'
    """
    return f"{process}:{start:{_ID_TIME}}"


def result_index(id_: str) -> str:
    """Return the index that holds the result of an id: one a month, named by the day from which its age counts.

    Raises:
        ValueError: it is the id of no result.

    >>> result_index("card-fraud:20260315T0700Z")
    'aiwatch-drift-2026.03.01'
    """
    start = datetime.strptime(id_.rpartition(":")[2], _ID_TIME)
    return f"{names.INDEX_PREFIX}{names.FAMILY_DRIFT}-{start:%Y.%m}.01"
