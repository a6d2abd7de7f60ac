"""The inbox as HTML: what a reader sees, and that no alert can put anything of its own into the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from aiwatch.respond.page import View, render
from aiwatch.respond.store import Cursor, Entry, Page

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
ENTRY = Entry(
    timestamp=NOW - timedelta(minutes=12),
    id="0" * 32,
    status="firing",
    current=True,
    alertname="ChatConfidenceLow",
    process="support-chatbot",
    severity="warning",
    starts_at=NOW - timedelta(minutes=13),
    ends_at=None,
    last_received_at=NOW - timedelta(minutes=2),
    deliveries=3,
    fingerprint="c0ffee",
    receiver="responder",
    group_key="g",
    labels={"alertname": "ChatConfidenceLow", "process": "support-chatbot"},
    annotations={
        "summary": "The bot is unsure.",
        "description": "61 % over 24 h.",
        "runbook_url": "https://runbooks.example/confidence",
        "dashboard_url": "https://grafana.example/d/chat",
    },
    generator_url="http://prometheus.example/graph",
    external_url="http://alertmanager.example",
)
RESOLVED = msgspec.structs.replace(
    ENTRY, id="1" * 32, status="resolved", ends_at=NOW - timedelta(minutes=3), deliveries=1
)


class Elements(HTMLParser):
    """Collects the elements of a page, fails where one is not closed, and keeps the text."""

    VOID = ("meta", "link", "br", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in self.found if tag == "a"]


def show(firing: list[Entry], resolved: list[Entry], **view: Any) -> Elements:
    sections: Any = {"firing": Page(tuple(firing), None), "resolved": Page(tuple(resolved), None)}
    return Elements(render(View(sections=sections, **view), NOW))


def test_a_firing_alert_shows_what_it_is_since_when_and_where_to_look() -> None:
    page = show([ENTRY], [])
    for text in (
        "1 firing - aiwatch inbox",
        "ChatConfidenceLow",
        "The bot is unsure.",
        "61 % over 24 h.",
        "Firing for 13 min, since 2026-01-02 11:47 UTC; notified 3 times, last 2 min ago",
        "Nothing is resolved.",
    ):
        assert text in page.text
    assert {
        "https://runbooks.example/confidence",
        "https://grafana.example/d/chat",
        "http://prometheus.example/graph",
        "/?process=support-chatbot",
    } <= set(page.links())


def test_an_alert_about_drift_leads_to_its_report_and_to_the_review_of_the_model() -> None:
    annotations = {"report_url": "http://localhost:8080/reports/card-fraud:20260301T0700Z"}
    drift = msgspec.structs.replace(ENTRY, alertname="ModelDrift", process="card-fraud", annotations=annotations)
    assert {"/models/card-fraud", annotations["report_url"]} <= set(show([drift], []).links())


def test_a_resolved_alert_shows_how_long_it_fired() -> None:
    assert "Fired for 10 min, until 2026-01-02 11:57 UTC (3 min ago)" in show([], [RESOLVED]).text


def test_firing_alerts_come_first_and_the_critical_ones_before_the_others() -> None:
    other = {
        f"{severity}": msgspec.structs.replace(ENTRY, severity=severity) for severity in ("none", "critical", "info")
    }
    page = show([other["none"], other["info"], ENTRY, other["critical"]], [RESOLVED])
    classes = [attributes.get("class") for tag, attributes in page.found if tag == "article"]
    assert classes == ["critical", "warning", "info", "other", "resolved"]


def test_an_empty_inbox_says_so_and_how_it_is_filled() -> None:
    page = show([], [])
    assert "No notification has arrived yet" in page.text
    assert "POST /api/v1/notifications" in page.text


def test_a_filter_without_a_match_leads_back_to_everything() -> None:
    page = show([], [], process="card-fraud")
    assert "No notification matches this filter" in page.text
    assert "/" in page.links()


def test_an_older_page_is_linked_with_the_filter_kept() -> None:
    more: Any = {"resolved": Page((RESOLVED,), Cursor(NOW, "ab"))}
    page = Elements(render(View(sections=more, process="support-chatbot", status="resolved"), NOW))
    assert "/?process=support-chatbot&status=resolved&before=2026-01-02T12%3A00%3A00.000Z%2Cab" in page.links()


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", " "])
def test_only_http_addresses_become_links(address: str) -> None:
    hostile = msgspec.structs.replace(
        ENTRY, annotations={"runbook_url": address, "dashboard_url": address}, generator_url=address
    )
    assert address not in show([hostile], []).links()


def test_nothing_in_an_alert_becomes_markup() -> None:
    evil = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>"
    hostile = msgspec.structs.replace(
        ENTRY, alertname=evil, process=evil, severity=evil, labels={evil: evil}, generator_url="http://x/" + evil,
        annotations={"summary": evil, "description": evil, "runbook_url": "https://x/" + evil},
    )  # fmt: skip
    page = show([hostile], [], process=evil)
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "img"}
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    assert page.text.count(evil) >= 6
