from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape
from html.parser import HTMLParser

import msgspec
import pytest

from aiwatch.profiles.result import Claim, Finding, Result
from aiwatch.report import render_report
from aiwatch.report.document import Distribution, FeatureReport, Report, SegmentReport, report_of

START = datetime(2026, 3, 1, tzinfo=UTC)
EVIL = "<script>alert('x')</script>&\""


def finding(name: str, drifted: bool = True) -> Finding:
    return Finding(
        feature=name,
        test="kolmogorov_smirnov",
        statistic=0.3,
        p_value=1e-9,
        effect=0.3,
        material=0.05,
        evidence=3.0,
        drifted=drifted,
        since=START if drifted else None,
        sudden=True if drifted else None,
        how=f"mean 2 {EVIL}",
    )


def feature(name: str, windows: int = 3) -> FeatureReport:
    shares = (0.2, 0.3, 0.5)
    return FeatureReport(name, Distribution(shares, shares[::-1], edges=(1.0, 2.0)), (0.0, 0.1), (0.1,) * windows)


def categories(name: str) -> FeatureReport:
    return FeatureReport(name, Distribution((0.5, 0.5), (0.1, 0.9), labels=(EVIL, "DE")), (0.0, 0.0), ())


def result(report: Report | None = None, **changes: object) -> Result:
    claim = Claim("pipeline", "missing", 0.93, (f"{EVIL}: 10 % missing, was 0 %",), (EVIL,))
    whole = Result(
        id=f"{EVIL}:20260301T0000Z",
        time=START,
        end=START + timedelta(hours=1),
        process=EVIL,
        model_version=EVIL,
        baseline="b",
        rows=1234,
        state="drift",
        findings=(finding(EVIL), finding("calm", False)),
        causes=(claim,),
        text=f"Drift: {EVIL}",
        report={} if report is None else msgspec.to_builtins(report),
    )
    return msgspec.structs.replace(whole, **changes)


def full(features: int = 2, windows: int = 3) -> Report:
    return Report(
        since=START,
        rows_since=900,
        baseline_rows=10_000,
        times=tuple(START + timedelta(hours=number) for number in range(windows)),
        features=(categories(EVIL), *(feature(f"{EVIL}{number}", windows) for number in range(features))),
        segments=(SegmentReport(f"country = {EVIL}", 300, (None, 0.3), ((EVIL, 0.4),)),),
        impact=(f"The mean score is {EVIL}.",),
    )


class Checked(HTMLParser):
    """Notes tags that are not closed in order, and every attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "rect", "path", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("report", [None, full()])
def test_the_page_is_whole_and_runs_fetches_and_styles_nothing_by_itself(report: Report | None) -> None:
    page = Checked(render_report(result(report)))
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"src", "href", "style"}


def test_texts_of_users_never_become_markup() -> None:
    page = render_report(result(full()))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_picture_says_in_words_what_it_shows() -> None:
    pictures = re.findall(r"<svg[^>]*>", render_report(result(full())))
    assert len(pictures) >= 6
    assert all('role="img" aria-label="' in picture for picture in pictures)


def test_what_is_said_of_a_feature_says_of_when() -> None:
    told = full()
    page = render_report(result(told, findings=(finding(f"{EVIL}0"),)))
    assert f"<p>Newest window: mean 2 {escape(EVIL)}. Since the change: missing 10 %, was 0 %.</p>" in page


def test_a_large_report_stays_small() -> None:
    many = msgspec.structs.replace(full(16, 72), times=tuple(START + timedelta(hours=hour) for hour in range(72)))
    large = result(many, findings=tuple(finding(f"feature-{number}") for number in range(100)))
    assert len(render_report(large)) < 300_000
    assert len(msgspec.json.encode(large)) < 100_000


def test_a_report_is_read_back_as_it_was_stored() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(result(full())), type=Result)
    assert report_of(stored) == full()


def test_a_result_of_another_version_is_shown_without_what_it_lacks() -> None:
    assert report_of(result(report={"pictures": 3})) is None
    assert "pipeline" in render_report(result(report={"pictures": 3}))


@pytest.mark.parametrize("state", ["ok", "not_enough_data", "learning", "no_baseline"])
def test_a_result_without_drift_has_a_page_too(state: str) -> None:
    page = render_report(result(state=state, causes=(), findings=(), text=""))
    assert "No feature drifted." in page
