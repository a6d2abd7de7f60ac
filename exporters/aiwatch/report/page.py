"""The report of a result as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from aiwatch import names
from aiwatch.profiles.result import Claim, Finding, Result
from aiwatch.report import svg
from aiwatch.report.document import FeatureReport, Report, SegmentReport, report_of
from aiwatch.report.numbers import percent
from aiwatch.report.style import STYLE

_STATES = {
    "drift": "Drift",
    "ok": "No drift",
    "not_enough_data": "Not enough data",
    "learning": "Learning",
    "no_baseline": "No baseline",
}
_CAUSES = {
    "pipeline": "The data on its way to the model",
    "population": "Other people or things are judged",
    "concept": "Features mean something else for the outcome",
    "model": "The model answers otherwise",
    "upstream": "A process upstream",
    "infrastructure": "What the model runs on",
}


def render_report(result: Result) -> str:
    """Return the report of a result as a whole HTML document. Every text in it is escaped."""
    report = report_of(result)
    clocked = report is None or report.clocked
    body = [_header(result, report), _causes(result.causes, result.state)]
    if report is not None:
        body.append(_impact(report.impact))
    body.append(_findings(result.findings, clocked))
    if report is not None:
        body += [_overview(report), _features(report, result.findings), _segments(report.segments)]
    body.append(_about(result, report))
    title = f"{escape(result.process)}: {_STATES[result.state].lower()}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{''.join(body)}</body>\n</html>\n"
    )


def _header(result: Result, report: Report | None) -> str:
    clocked = report is None or report.clocked
    window = f"{_time(result.time)} to {_time(result.end)}" if clocked else "the current file"
    version = "" if result.model_version == names.UNKNOWN else f", version {escape(result.model_version)}"
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in result.text.splitlines())
    return (
        f'<header class="{result.state}">\n<p class="state">{_STATES[result.state]}</p>\n'
        f"<h1>{escape(result.process)}</h1>\n"
        f'<p class="meta">{result.rows:,} predictions, {window}{version}</p>\n{lines}</header>\n<main>\n'
    )


def _causes(causes: Sequence[Claim], state: str) -> str:
    if not causes:
        text = "Nothing wants explaining." if state == "ok" else "No cause can be named."
        return f"<section>\n<h2>Why</h2>\n<p>{text}</p>\n</section>\n"
    items = []
    for claim in causes:
        kind = "" if claim.kind == claim.cause else f": {escape(claim.kind)}"
        evidence = "".join(f"<li>{escape(text)}</li>" for text in claim.evidence)
        items.append(
            f"<li>\n<h3>{escape(claim.cause)}{kind} <span>{percent(claim.weight)}</span></h3>\n"
            f"{svg.meter(claim.weight, f'weight {percent(claim.weight)}')}\n"
            f'<p class="meta">{_CAUSES[claim.cause]}</p>\n<ul>{evidence}</ul>\n</li>\n'
        )
    return f'<section>\n<h2>Why</h2>\n<ol class="causes">\n{"".join(items)}</ol>\n</section>\n'


def _impact(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in sentences)
    return f"<section>\n<h2>What it does to score and performance</h2>\n<ul>\n{items}</ul>\n</section>\n"


def _findings(findings: Sequence[Finding], clocked: bool) -> str:
    ordered = sorted(findings, key=lambda each: (not each.drifted, -each.effect / (each.material or 1.0)))
    head = "".join(
        f'<th scope="col">{text}</th>' for text in ("Feature", "Test", "Effect", "Material from", "How", "Since")
    )
    drifted = [_finding(each, clocked) for each in ordered if each.drifted]
    others = [_finding(each, clocked) for each in ordered if not each.drifted]
    table = '<div class="wide"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n'
    parts = [table.format(head, "".join(drifted)) if drifted else "<p>No feature drifted.</p>\n"]
    if others:
        summary = f"<summary>{len(others)} tests that found no drift</summary>\n"
        parts.append(f"<details>\n{summary}{table.format(head, ''.join(others))}</details>\n")
    return f"<section>\n<h2>What drifts</h2>\n{''.join(parts)}</section>\n"


def _finding(finding: Finding, clocked: bool) -> str:
    since = ""
    if finding.since is not None:
        how = {True: ", at once", False: ", gradually", None: ""}[finding.sudden]
        since = f"{_time(finding.since)}{how}" if clocked else how.removeprefix(", ")
    cells = (
        f'<th scope="row">{escape(finding.feature)}</th>',
        f"<td>{escape(finding.test.replace('_', ' '))}</td>",
        f'<td class="number">{finding.effect:.3f}</td>',
        f'<td class="number">{finding.material:g}</td>',
        f"<td>{escape(finding.how)}</td>",
        f"<td>{since}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def _overview(report: Report) -> str:
    rows = [(each.name, each.course) for each in report.features if len(each.course) > 1]
    if not rows:
        return ""
    first, last = report.times[0], report.times[-1]
    span = f"{_time(first)} to {_time(last)}" if report.clocked else f"{len(report.times)} pieces of the current file"
    caption = f'<p class="meta">{span}; full colour is a shift by one standard deviation or more</p>'
    return f"<section>\n<h2>When</h2>\n{svg.heatmap(rows)}\n{caption}\n</section>\n"


def _features(report: Report, findings: Iterable[Finding]) -> str:
    told: dict[str, list[str]] = {}
    for finding in findings:
        if finding.drifted and finding.how:
            told.setdefault(finding.feature, []).append(finding.how)
    keys = '<span class="key-was">training period</span> <span class="key-now">since the change</span>'
    legend = f'<p class="legend">{keys}</p>'
    begun = next((place for place, time in enumerate(report.times) if time >= report.since), None)
    cards = "".join(_feature(each, told.get(each.name, []), begun) for each in report.features)
    return f"<section>\n<h2>How</h2>\n{legend}\n{cards}</section>\n" if cards else ""


def _feature(feature: FeatureReport, how: Sequence[str], begun: int | None) -> str:
    was, now = feature.missing
    newest = [f"Newest window: {'; '.join(how)}."] if how else []
    gaps = [f"Since the change: missing {percent(now)}, was {percent(was)}."] if max(feature.missing) > 0 else []
    said = " ".join([*newest, *gaps])
    course = svg.course(feature.name, feature.course, begun) if len(feature.course) > 1 else ""
    return (
        f"<article>\n<h3>{escape(feature.name)}</h3>\n<p>{escape(said)}</p>\n"
        f"{svg.distribution(feature.name, feature.distribution)}\n{course}\n</article>\n"
    )


def _segments(segments: Sequence[SegmentReport]) -> str:
    if not segments:
        return ""
    rows = []
    for each in segments:
        was, now = each.share
        share = percent(now) + (f", was {percent(was)}" if was is not None else "")
        moved = ", ".join(f"{name} {size:.2f}" for name, size in each.moved) or "nothing"
        rows.append(
            f'<tr><th scope="row">{escape(each.segment)}</th><td class="number">{each.rows:,}</td>'
            f"<td>{share}</td><td>{escape(moved)}</td></tr>\n"
        )
    titles = ("Segment", "Predictions", "Share", "Moved, in about standard deviations")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>"
    return f'<section>\n<h2>Where</h2>\n<div class="wide">{table}</div>\n</section>\n'


def _about(result: Result, report: Report | None) -> str:
    rows = [("Report", result.id), ("Baseline", result.baseline)]
    if report is not None:
        period = (
            ""
            if report.baseline_start is None
            else f", {_plain(report.baseline_start)} to {_plain(report.baseline_end)}"
        )
        rows.append(("Training period", f"{report.baseline_rows:,} rows{period}"))
        since = f", since {_plain(report.since)}" if report.clocked else ""
        rows.append(("Compared with it", f"{report.rows_since:,} predictions{since}"))
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>\n" for name, value in rows)
    weights = (
        "The weight of a cause is how well it foretells what is to be seen, against the other causes thought of; "
        "it ranks them, and is no probability that one could bet on."
    )
    return f"<section>\n<h2>About</h2>\n<dl>\n{items}</dl>\n<p>{weights}</p>\n</section>\n</main>\n"


def _time(time: datetime) -> str:
    utc = time.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{_plain(time)}</time>'


def _plain(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
