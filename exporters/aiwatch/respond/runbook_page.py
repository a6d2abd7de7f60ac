"""The runbooks as HTML: one page for each alert, written in Markdown beside this file."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from markdown_it import MarkdownIt

_FOLDER = files("aiwatch.respond") / "runbooks"


def runbooks() -> list[str]:
    """Return the names of the alerts that have a runbook, sorted."""
    return sorted(file.name.removesuffix(".md") for file in _FOLDER.iterdir() if file.name.endswith(".md"))


def render_runbook(alert: str, style: str) -> str | None:
    """Return the runbook of an alert as a whole HTML document, None when there is none.

    Args:
        alert: name of the alert, as in an address; it is looked up, never used as a path.
        style: the stylesheet of the inbox.
    """
    if alert not in runbooks():
        return None
    text = (_FOLDER / f"{alert}.md").read_text(encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return _document(f"{alert} - runbook", body, style)


def render_index(style: str) -> str:
    """Return the list of all runbooks as a whole HTML document."""
    rows = "".join(f'<li><a href="/runbooks/{escape(name)}">{escape(name)}</a></li>\n' for name in runbooks())
    return _document("Runbooks", f"<h1>Runbooks</h1>\n<ul>\n{rows}</ul>\n", style)


def _document(title: str, body: str, style: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}\npre {{ overflow-x: auto; }}</style>\n</head>\n<body>\n"
        '<nav><a href="/">Inbox</a><a href="/models/">Models</a><a href="/runbooks/">Runbooks</a></nav>\n'
        f"<main>\n{body}</main>\n</body>\n</html>\n"
    )
