"""``python -m tools.reference``: write docs/reference/ from the code; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from prometheus_client import CollectorRegistry

from aiwatch.cli import main
from aiwatch.detect.hourly.self_metrics import SelfMetrics as DriftMetrics
from aiwatch.detect.hourly.shown import DriftCollector
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.reasons import REASONS
from aiwatch.ingest.self_metrics import SelfMetrics as ExporterMetrics
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Metric
from aiwatch.respond.journal import Journal
from aiwatch.respond.memory_trail import MemoryTrail
from aiwatch.respond.metrics import Metrics as ResponderMetrics
from aiwatch.respond.responses import Responses, utc_now

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
    exporter = [*all_metrics(), *_registered(ExporterMetrics().registry)]
    drift = _registered(DriftMetrics(DriftCollector()).registry)
    responder = _registered(ResponderMetrics(Responses(Journal(MemoryTrail()), {}, lambda *_: (), utc_now)).registry)
    bounded = (
        "A label of a process has at most 100 values; what comes later counts as `other` (Elasticsearch keeps the "
        "exact value).\nA value that the log does not carry is `unknown`.\n"
    )
    head = "| metric | type | labels | kinds | |\n|---|---|---|---|---|\n"
    by_kind = "\n".join(_row(metric, ", ".join(kinds.get(metric.name, ["every"]))) for metric in exporter)
    tables = [
        f"## The exporter, on port 9464\n\n{bounded}\n{head}{by_kind}\n",
        _table("The drift service, on port 9465", drift),
        _table("The responder, on port 8080", responder),
    ]
    return f"# Metrics\n\n{_MARK}\n" + "\n".join(tables)


def _registered(registry: CollectorRegistry) -> list[Metric]:
    """Return what we registered: of Prometheus's client, only its private parts tell which labels there are."""
    found = []
    for collector in registry._collector_to_names:
        for family in collector.collect():
            if family.name.startswith(("ai_", "aiwatch_")):
                labels = getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ())
                labels = labels or tuple(family.samples[0].labels if family.samples else ())
                suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
                type_ = "gauge" if family.type == "info" else family.type
                found.append(Metric(family.name + suffix, type_, family.documentation, tuple(labels)))
    return found


def _table(title: str, metrics: Iterable[Metric]) -> str:
    rows = "\n".join(map(_row, metrics))
    return f"## {title}\n\n| metric | type | labels | |\n|---|---|---|---|\n{rows}\n"


def _row(metric: Metric, *further: str) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| {' | '.join((f'`{metric.name}`', metric.type, labels, *further, metric.help))} |"


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
