"""What the report of a result holds, as its ``report`` stores it: everything that the page shows besides findings."""

from __future__ import annotations

from datetime import datetime

import msgspec

from aiwatch.profiles.result import Result


class Distribution(msgspec.Struct, frozen=True):
    """A feature in the training period and now, in shares of all its rows.

    Of a number, ``edges`` are the borders of all bars but the outermost, which reach without limit: one bar more than
    edges. Of a category, ``labels`` name the bars; the last ones may stand for the rest, and for what was never seen.
    """

    was: tuple[float, ...]
    now: tuple[float, ...]
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    logarithmic: bool = False


class FeatureReport(msgspec.Struct, frozen=True):
    """One feature: how it is distributed, which share of rows lacked a value, and by how much it moved over time.

    ``course`` has a number for each of the report's ``times``: about standard deviations of a shift.
    """

    name: str
    distribution: Distribution
    missing: tuple[float, float]  # then, now
    course: tuple[float, ...]


class SegmentReport(msgspec.Struct, frozen=True):
    """The rows of one segment: their share then and now (None where then is not known), and what moved in it most.

    ``moved`` has features with how far each did, in about standard deviations, the farthest first.
    """

    segment: str
    rows: int
    share: tuple[float | None, float]
    moved: tuple[tuple[str, float], ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows besides findings and causes.

    Attributes:
        since: when the change began.
        rows_since: predictions since then, which distributions and causes are about.
        baseline_rows: of the training period.
        baseline_start: of the training period, if its rows have times.
        baseline_end: likewise.
        times: beginnings of the windows that ``course`` of each feature is about.
        features: those that drifted and the model's output; the farthest moved first.
        segments: those in which features moved most.
        impact: what the change probably does to score and performance, in sentences.
        clocked: whether times are times; else windows are numbered pieces of a file.
    """

    since: datetime
    rows_since: int
    baseline_rows: int
    baseline_start: datetime | None = None
    baseline_end: datetime | None = None
    times: tuple[datetime, ...] = ()
    features: tuple[FeatureReport, ...] = ()
    segments: tuple[SegmentReport, ...] = ()
    impact: tuple[str, ...] = ()
    clocked: bool = True


def report_of(result: Result) -> Report | None:
    """Return the report that a result holds, None if it holds none or one that this version cannot read."""
    try:
        return msgspec.convert(result.report, Report)
    except msgspec.ValidationError:
        return None
