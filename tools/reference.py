"""``python -m tools.reference``: write docs/reference/ from the code; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from aiwatch.cli import main
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.reasons import REASONS
from aiwatch.kinds import KINDS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_MARK = "<!-- written by `make reference` -->\n"


def pages() -> dict[str, str]:
    """Return the text of each page of the reference."""
    return {"cli.md": _commands(), "metrics.md": _metrics(), "reasons.md": _reasons()}


def _commands() -> str:
    sections = [f"## {name}\n\n```\n{text}\n```\n" for name, text in _helps(main, "aiwatch")]
    return f"# Commands\n\n{_MARK}\n" + "\n".join(sections)


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, terminal_width=100, max_content_width=100)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            if (found := command.get_command(context, child)) is not None:
                yield from _helps(found, f"{name} {child}")


def _metrics() -> str:
    kinds: dict[str, list[str]] = {}
    for kind in KINDS:
        for metric in kind.metrics:
            kinds.setdefault(metric.name, []).append(kind.name)
    rows = [
        f"| `{metric.name}` | {metric.type} | {', '.join(f'`{label}`' for label in metric.labels)} | "
        f"{', '.join(kinds.get(metric.name, ['every']))} | {metric.help} |"
        for metric in all_metrics()
    ]
    head = "| metric | type | labels | kinds | |\n|---|---|---|---|---|\n"
    bounded = (
        "\nA label of a process has at most 100 values; what comes later counts as `other` (Elasticsearch keeps the "
        "exact value).\nA value that the log does not carry is `unknown`.\n"
    )
    return f"# Metrics\n\n{_MARK}\n{head}" + "\n".join(rows) + "\n" + bounded


def _reasons() -> str:
    rows = "\n".join(f"| `{reason}` | {text} |" for reason, text in REASONS.items())
    return f"# Why a line is rejected\n\n{_MARK}\n| reason | |\n|---|---|\n{rows}\n"


def run(check: bool) -> int:
    """Write the pages, or compare them; return the exit code."""
    stale = [name for name, text in pages().items() if not _same(FOLDER / name, text)]
    if check:
        if stale:
            print(f"docs/reference is stale ({', '.join(stale)}); to mend it, run: make reference")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages()[name])
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(run("--check" in sys.argv[1:]))
