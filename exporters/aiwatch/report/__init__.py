"""Reports of drift for people: a page that works offline, and a few lines of text."""

from aiwatch.report.page import render_report
from aiwatch.report.text import alert_text

__all__ = ["alert_text", "render_report"]
