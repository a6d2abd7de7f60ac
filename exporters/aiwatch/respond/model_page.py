"""The models as HTML: which are under review, what was done about it, and how to resume one. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from aiwatch.respond.page import STYLE, age
from aiwatch.respond.policy import Policy
from aiwatch.respond.review import Review, Step
from aiwatch.respond.trail import (
    Dropped,
    Entry,
    Failed,
    Joined,
    Opened,
    Quarantined,
    Resumed,
    Started,
    Succeeded,
    Window,
)
from aiwatch.respond.windows import merged

_SHOWN = 300  # entries of a trail, the newest
_MORE_STYLE = """
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
th, td:not(:last-child) { white-space: nowrap; }
td:last-child { overflow-wrap: anywhere; min-width: 12rem; }
.scroll { overflow-x: auto; }
pre { background: var(--soft); padding: .75rem; white-space: pre-wrap; border-radius: .3rem; }
.failed { color: #d32f2f; font-weight: bold; }
@media (prefers-color-scheme: dark) { .failed { color: #ff8a80; } }
"""


def render_models(policies: Mapping[str, Policy], reviews: Mapping[str, Review], now: datetime) -> str:
    """Return the list of all models as a whole HTML document, those under review first.

    Args:
        policies: of every model, by process.
        reviews: the states that are known.
        now: the present time, in UTC, from which ages are counted.
    """
    known = [(name, policy, reviews.get(name, Review(name))) for name, policy in sorted(policies.items())]
    body = ""
    for heading, is_open in (("Under review", True), ("Not under review", False)):
        cards = "".join(
            _card(review, now, _link(policy, name)) for name, policy, review in known if review.open == is_open
        )
        body += f"<section>\n<h2>{heading}</h2>\n{cards}</section>\n" if cards else ""
    if not known:
        body = '<p class="empty">The catalogue has no model: no process of kind classifier or regressor.</p>\n'
    return _document("Models", body, now)


def render_model(policy: Policy, review: Review, entries: Sequence[Entry], now: datetime) -> str:
    """Return the page of one model as a whole HTML document.

    Args:
        policy: what its catalogue says.
        review: its state.
        entries: its trail, oldest first.
        now: the present time, in UTC, from which ages are counted.
    """
    body = (
        f"{_card(review, now, '')}"
        f'<p><a href="/?process={escape(review.process)}">Its alerts</a></p>\n{_how_to_resume(review)}'
        f"{_steps(review, now)}{_windows(review)}{_trail(entries)}"
    )
    return _document(f"{policy.title} ({review.process})", body, now)


def _link(policy: Policy, name: str) -> str:
    return f'<h3><a href="/models/{escape(name)}">{escape(policy.title)}</a></h3>\n'


def _card(review: Review, now: datetime, head: str) -> str:
    colour = "critical" if review.paused else "warning" if review.open else "resolved"
    unfinished = [step for step in review.steps.values() if not step.finished]
    failing = [step.name for step in unfinished if step.status == "failed"]
    lines = []
    if review.open and review.opened:
        since = review.opened.alert_since
        lines.append(f"Under review since {_time(since)}, for {age(since, now)}.")
        lines.append("Retraining is paused." if review.paused else "Retraining goes on: pause_retraining is false.")
    elif review.resumed:
        last = review.resumed
        lines.append(f"Resumed by {escape(last.by)}, {_time(last.time)}: {escape(last.reason)}")
    else:
        lines.append("Never under review.")
    if failing:
        lines.append(f'<span class="failed">Failing, and tried again: {escape(", ".join(failing))}.</span>')
    paragraphs = "".join(f"<p>{line}</p>\n" for line in lines)
    return f'<article class="{colour}">\n{head}{paragraphs}</article>\n'


def _how_to_resume(review: Review) -> str:
    if not review.open:
        return ""
    return (
        "<section>\n<h2>Resume</h2>\n<p>A person decides, by name and with a reason. What is quarantined stays so "
        "unless <code>--release</code> says that the model should learn from it.</p>\n"
        f'<pre>aiwatch resume {escape(review.process)} --by NAME --reason "..."</pre>\n'
        "<p>So in the responder's container; elsewhere add <code>--responder URL --token-file FILE</code>.</p>\n"
        "</section>\n"
    )


def _steps(review: Review, now: datetime) -> str:
    rows = "".join(
        f"<tr><td>{escape(step.name)}</td><td>{_status(step, now)}</td><td>{step.attempts}</td>"
        f"<td>{escape(step.detail)}</td></tr>\n"
        for step in review.steps.values()
    )
    if not rows:
        return ""
    title = "Steps" if review.open else "Steps to undo"
    return f"<section>\n<h2>{title}</h2>\n{_table(('Step', 'State', 'Attempts', 'Detail'), rows)}</section>\n"


def _status(step: Step, now: datetime) -> str:
    if step.status == "failed" and step.due:
        seconds = max(0, round((step.due - now).total_seconds()))
        return f'<span class="failed">failed</span>, again in {seconds} s'
    return {"waiting": "waits", "started": "is tried", "succeeded": "done", "dropped": "dropped"}[step.status]


def _windows(review: Review) -> str:
    rows = "".join(
        f"<tr><td>{_time(window.start)}</td><td>{_end(window)}</td>"
        f"<td>{escape(window.model_version or 'all')}</td></tr>\n"
        for window in reversed(merged(review.windows))
    )
    if not rows:
        return ""
    return f"<section>\n<h2>Quarantined</h2>\n{_table(('From', 'To', 'Model version'), rows)}</section>\n"


def _end(window: Window) -> str:
    return _time(window.end) if window.end else "goes on"


def _trail(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    rows = "".join(
        f"<tr><td>{entry.number}</td><td>{_time(entry.time, '%Y-%m-%d %H:%M:%S')}</td><td>{_event(entry)}</td></tr>\n"
        for entry in reversed(entries[-_SHOWN:])
    )
    older = f"<p>The {len(entries) - _SHOWN} older entries are in Elasticsearch.</p>\n" if len(entries) > _SHOWN else ""
    return f"<section>\n<h2>Trail</h2>\n{_table(('', 'When', 'What'), rows)}{older}</section>\n"


def _event(entry: Entry) -> str:
    match entry:
        case Opened():
            pause = "retraining paused" if entry.pauses else "retraining goes on"
            return f"<b>Under review</b>, for an alert that fires since {_time(entry.alert_since)}; {pause}"
        case Joined():
            return f"Another alert, that fires since {_time(entry.alert_since)}"
        case Quarantined():
            ranges = (f"{_time(window.start)} to {_end(window)}" for window in merged(entry.windows))
            return f"Quarantined: {', '.join(ranges)}"
        case Started():
            return f"{_step(entry)}: begun"
        case Succeeded():
            return f"{_step(entry)}: {escape(entry.detail)}"
        case Failed():
            return f'{_step(entry)}: <span class="failed">failed</span>: {escape(entry.detail)}'
        case Dropped():
            return f"{_step(entry)}: dropped: {escape(entry.detail)}"
        case Resumed():
            release = "; what was quarantined is released" if entry.release else ""
            return f"<b>Resumed</b> by {escape(entry.by)}: {escape(entry.reason)}{release}"


def _step(entry: Started | Succeeded | Failed | Dropped) -> str:
    return escape(entry.step) if entry.action == "pause" else f"{escape(entry.step)}, undoing"


def _table(heads: Iterable[str], rows: str) -> str:
    head = "".join(f"<th>{each}</th>" for each in heads)
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'


def _document(title: str, body: str, now: datetime) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="refresh" content="60">\n'
        f"<title>{escape(title)} - aiwatch</title>\n<style>{STYLE}{_MORE_STYLE}</style>\n</head>\n<body>\n"
        f'<header>\n<h1>{escape(title)}</h1>\n<nav aria-label="Pages"><a href="/">Inbox</a>'
        f'<a href="/models/">Models</a><a href="/runbooks/">Runbooks</a></nav></header>\n<main>\n{body}</main>\n'
        f"<footer>As of {_time(now)}. The page reloads itself every minute.</footer>\n</body>\n</html>\n"
    )


def _time(time: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    utc = time.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{utc.strftime(form)} UTC</time>'
