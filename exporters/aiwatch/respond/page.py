"""The inbox as HTML: pure functions from entries to text. No script; every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode, urlsplit

import msgspec

from aiwatch.kinds.drift import ModelDrift
from aiwatch.respond.payload import Status
from aiwatch.respond.store import Cursor, Entry, Page

_SEVERITY_ORDER = {"critical": 0, "warning": 1, "info": 2}
_HEADINGS = {"firing": "Firing", "resolved": "Resolved"}

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #767676; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
header, nav, .head, .links { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
header { justify-content: space-between; }
nav a, .links a { padding: .25rem 0; }
nav a[aria-current] { font-weight: bold; text-decoration: none; color: inherit; }
article { border: 1px solid var(--line); border-left: .4rem solid var(--line); border-radius: .3rem;
  padding: .75rem 1rem; margin: .75rem 0; overflow-wrap: anywhere; }
article.critical { border-left-color: #d32f2f; }
article.warning { border-left-color: #ef8f00; }
article.info { border-left-color: #1976d2; }
article.resolved { border-left-color: #388e3c; }
article p { margin: .35rem 0; white-space: pre-line; }
.severity { font-size: .8rem; font-weight: bold; text-transform: uppercase; letter-spacing: .04em; }
.meta, .empty, footer { color: var(--dim); }
.meta { font-size: .9rem; }
@media (prefers-color-scheme: dark) { :root { --dim: #a0a0a0; } }
summary { cursor: pointer; color: var(--dim); font-size: .9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; column-gap: 1rem; margin: .5rem 0 0; }
dl { font-size: .9rem; }
dd { margin: 0; }
.empty { border: 1px dashed var(--line); border-radius: .3rem; padding: 1.5rem; text-align: center; }
footer { margin-top: 2rem; font-size: .85rem; }
"""


class View(msgspec.Struct, frozen=True):
    """What the page shows: a page of entries per status, and the filter they were found by."""

    sections: dict[Status, Page]
    process: str | None = None
    status: Status | None = None
    before: Cursor | None = None


def render(view: View, now: datetime) -> str:
    """Return the inbox as a whole HTML document.

    Args:
        view: what to show.
        now: the present time, in UTC, from which ages are counted.
    """
    firing = view.sections.get("firing")
    count = f"{len(firing.entries)}{'+' if firing.next else ''} firing - " if firing and firing.entries else ""
    body = "".join(_section(view, status, page, now) for status, page in view.sections.items())
    if not any(page.entries for page in view.sections.values()):
        body = _empty(view)
    json = escape(_address("/api/v1/inbox", view.process, view.status))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="refresh" content="60">\n'
        f"<title>{count}aiwatch inbox</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>Inbox</h1>\n{_navigation(view)}</header>\n<main>\n{body}</main>\n"
        f"<footer>As of {_time(now)}. The page reloads itself every minute. "
        f'<a href="{json}">The same as JSON</a> - <a href="/models/">Models</a> - '
        '<a href="/runbooks/">Runbooks</a></footer>\n'
        "</body>\n</html>\n"
    )


def link(address: str) -> str | None:
    """Return ``address`` if a browser can safely be sent there, over http or https; else None.

    >>> link("https://grafana.example/d/1"), link("javascript:alert(1)"), link("//example.org")
    ('https://grafana.example/d/1', None, None)
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def age(then: datetime, now: datetime) -> str:
    """Return how long ago ``then`` was, in one unit.

    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> [age(datetime.fromtimestamp(now.timestamp() - s, UTC), now) for s in (-5, 59, 60, 7200, 172800)]
    ['0 s', '59 s', '1 min', '2 h', '2 d']
    """
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _address(path: str, process: str | None, status: Status | None, before: Cursor | None = None) -> str:
    wanted = {"process": process, "status": status, "before": before and format_cursor(before)}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return f"{path}?{query}" if query else path


def format_cursor(cursor: Cursor) -> str:
    """Return ``cursor`` as the ``before`` parameter of an address.

    >>> format_cursor(Cursor(datetime(2026, 1, 2, tzinfo=UTC), "abc"))
    '2026-01-02T00:00:00.000Z,abc'
    """
    time = cursor.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{time},{cursor.id}" if cursor.id else time


def _navigation(view: View) -> str:
    choices: tuple[tuple[str, Status | None], ...] = (
        ("All", None),
        ("Firing", "firing"),
        ("Resolved", "resolved"),
    )
    items = []
    for text, status in choices:
        current = ' aria-current="page"' if status == view.status else ""
        items.append(f'<a href="{escape(_address("/", view.process, status))}"{current}>{text}</a>')
    if view.process is not None:
        everything = escape(_address("/", None, view.status))
        items.append(f'<span>process {escape(view.process)} (<a href="{everything}">show all processes</a>)</span>')
    return f'<nav aria-label="Filter">{" ".join(items)}</nav>\n'


def _empty(view: View) -> str:
    if view.process is None and view.status is None and view.before is None:
        text = (
            "No notification has arrived yet. Alerts appear here as soon as Alertmanager delivers one to "
            "<code>POST /api/v1/notifications</code>."
        )
    else:
        text = 'No notification matches this filter. <a href="/">Show all</a>'
    return f'<p class="empty">{text}</p>\n'


def _section(view: View, status: Status, page: Page, now: datetime) -> str:
    if page.entries:
        content = "".join(_article(entry, now) for entry in _urgent_first(page.entries, status))
    else:
        content = f'<p class="empty">Nothing is {status}.</p>\n'
    if page.next:
        older = escape(_address("/", view.process, status, page.next))
        content += f'<p><a href="{older}">Older ones that are {status}</a></p>\n'
    return f"<section>\n<h2>{_HEADINGS[status]}</h2>\n{content}</section>\n"


def _urgent_first(entries: Iterable[Entry], status: Status) -> list[Entry]:
    if status == "resolved":
        return list(entries)
    return sorted(entries, key=lambda entry: _SEVERITY_ORDER.get(entry.severity or "", len(_SEVERITY_ORDER)))


def _article(entry: Entry, now: datetime) -> str:
    severity = entry.severity or "no severity"
    colour = "resolved" if entry.status == "resolved" else entry.severity
    colour = colour if colour in (*_SEVERITY_ORDER, "resolved") else "other"
    process = ""
    if entry.process:
        process = f'<a href="{escape(_address("/", entry.process, None))}">{escape(entry.process)}</a>'
    summary = entry.annotations.get("summary", "")
    description = entry.annotations.get("description") or entry.annotations.get("message", "")
    paragraphs = "".join(f"<p>{escape(text)}</p>\n" for text in (summary, description) if text)
    return (
        f'<article class="{colour}" id="{entry.id}">\n'
        f'<div class="head"><span class="severity">{escape(severity)}</span> '
        f"<h3>{escape(entry.alertname or 'Unnamed alert')}</h3> {process}</div>\n"
        f'{paragraphs}<p class="meta">{_history(entry, now)}</p>\n{_links(entry)}{_labels(entry)}</article>\n'
    )


def _history(entry: Entry, now: datetime) -> str:
    if entry.status == "resolved" and entry.ends_at:
        text = f"Fired for {age(entry.starts_at, entry.ends_at)}, until {_time(entry.ends_at)} "
        text += f"({age(entry.ends_at, now)} ago)"
    elif entry.status == "resolved":
        text = f"Fired at {_time(entry.starts_at)}, resolved {age(entry.timestamp, now)} ago"
    else:
        text = f"Firing for {age(entry.starts_at, now)}, since {_time(entry.starts_at)}"
    if entry.deliveries > 1:
        text += f"; notified {entry.deliveries} times, last {age(entry.last_received_at, now)} ago"
    return text


def _links(entry: Entry) -> str:
    addresses = (
        ("Report", entry.annotations.get("report_url", "")),
        ("Runbook", entry.annotations.get("runbook_url", "")),
        ("Dashboard", entry.annotations.get("dashboard_url", "")),
        ("Query", entry.generator_url),
    )
    items = [
        f'<a href="{escape(address)}" rel="noopener noreferrer">{text}</a>'
        for text, address in addresses
        if link(address)
    ]
    if entry.alertname == ModelDrift.alert and entry.process:
        items.insert(0, f'<a href="/models/{escape(entry.process)}">Review</a>')
    return f'<div class="links">{" ".join(items)}</div>\n' if items else ""


def _labels(entry: Entry) -> str:
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in sorted(entry.labels.items()))
    return f"<details><summary>Labels</summary><dl>{rows}</dl></details>\n"


def _time(time: datetime) -> str:
    utc = time.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{utc:%Y-%m-%d %H:%M} UTC</time>'
