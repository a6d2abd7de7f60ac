"""`aiwatch drift`: compare predictions with those that the model was trained on."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from elasticsearch import Elasticsearch
from prometheus_client import start_http_server

from aiwatch.catalogue.watch import CatalogueWatch
from aiwatch.commands import shared
from aiwatch.hints import install
from aiwatch.kinds.options import parse_duration
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.report import render_report

if TYPE_CHECKING:
    from polars import DataFrame

    from aiwatch.detect.aspects import Criteria
    from aiwatch.detect.hourly.shown import Shown
    from aiwatch.detect.shown import Comparison
    from aiwatch.profiles.tables.columns import Wanted
    from aiwatch.profiles.tables.typed import Table

DRIFT = 3  # exit code
_LONGEST = timedelta(days=36_500)  # chunk
_NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


class _Length(click.ParamType[int | timedelta]):
    """A number of rows, or a length of time."""

    name = "rows|time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | timedelta:
        if isinstance(value, int | timedelta):
            return value
        if re.fullmatch(r"[1-9]\d*", str(value)):
            return int(str(value))
        try:
            length = timedelta(seconds=parse_duration(value))
        except (ValueError, OverflowError):
            length = timedelta(0)
        if not timedelta(0) < length <= _LONGEST:
            self.fail(f"{value!r}: write a number of rows, such as 5000, or a length of time, such as 1d", param, ctx)
        return length


@dataclass(frozen=True)
class _Pages:
    """Which pages are written besides, and of what they speak."""

    process: str
    html: Path | None
    evidently: Path | None


@click.command()
@click.option("--reference", multiple=True, metavar="FILE", help="The training period: Parquet, CSV or JSON lines.")
@click.option("--current", multiple=True, metavar="FILE", help="What is compared with it.")
@click.option("--chunk", type=_Length(), metavar="ROWS|TIME", help="Compare pieces: 5000, 1h, 1d.  [default: all rows]")
@click.option("--min-rows", type=click.IntRange(min=5), default=30, show_default=True, help="Fewer are not tested.")
@click.option("--process", metavar="NAME", help="Take features, tests and limits from this process of the catalogue.")
@shared.catalogue_folder_option
@click.option("--timestamp", metavar="COLUMN", help="The time, if it has an unusual name.")
@click.option("--score", metavar="COLUMN", help="The model's score, or predicted value, if it has an unusual name.")
@click.option("--label", metavar="COLUMN", help="The true outcome, if it has an unusual name.")
@click.option("--json", "as_json", is_flag=True, help="Everything that was found, as JSON.")
@click.option("--html", type=_NEW_FILE, metavar="FILE", help="Write a report of the last chunk that drifted.")
@click.option("--evidently", type=_NEW_FILE, metavar="FILE", help="Write Evidently's report of that chunk.")
@click.option("--fail-on-drift", is_flag=True, help=f"Exit with {DRIFT} if anything drifted.")
@shared.listen_option("127.0.0.1:9465", "Where metrics are served.")
@click.option("--since", type=shared.Moment(), help="Test again the windows after this time, or this long.")
@click.option("--at", type=shared.Moment(), help="Test, once, what was closed at this time, or this long ago.")
@click.option("--once", is_flag=True, help="Test what is closed now, say what was found, and end.")
@shared.elasticsearch_options
def drift(
    reference: tuple[str, ...],
    current: tuple[str, ...],
    chunk: int | timedelta | None,
    min_rows: int,
    process: str | None,
    catalogue_folder: Path,
    timestamp: str | None,
    score: str | None,
    label: str | None,
    as_json: bool,
    html: Path | None,
    evidently: Path | None,
    fail_on_drift: bool,
    listen: tuple[str, int],
    since: datetime | None,
    at: datetime | None,
    once: bool,
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
) -> None:
    """Compare predictions with those of the training period: which features drifted, how much, since when.

    With --reference and --current, two tables are compared, without any server. Otherwise every model of the catalogue
    that has a baseline is watched: the profiles of every hour are read from Elasticsearch and tested once the hour is
    over, results and reports are written there, and metrics are served.
    """
    if not reference and not current:
        if url is None:
            raise click.UsageError("Say what to compare: --reference FILE --current FILE, or --elasticsearch URL.")
        _refuse("are for files", {"--chunk": chunk, "--timestamp": timestamp, "--score": score, "--label": label})
        _refuse("are for files", {"--json": as_json, "--html": html, "--evidently": evidently})
        _in_order(since, at)
        client = shared.connect(url, api_key_file, ca_certs)
        _watch(client, catalogue_folder, process, listen, _Past(since, at, once), fail_on_drift)
        return
    if not reference or not current:
        raise click.UsageError("Say what to compare: both --reference FILE and --current FILE.")
    _refuse("are for predictions in Elasticsearch", {"--since": since, "--at": at, "--once": once})
    if isinstance(chunk, int) and chunk < min_rows:
        raise click.UsageError(
            f"--chunk {chunk}: fewer than {min_rows} rows are not tested: take larger chunks, or lower --min-rows."
        )
    for page in (html, evidently):
        if page is not None and not page.parent.is_dir():
            raise click.UsageError(f"{page}: there is no folder {page.parent}; make it, or write elsewhere.")
    try:
        from aiwatch.detect import shown
        from aiwatch.profiles.tables.raw import TableError
    except ImportError as error:
        raise click.ClickException(f"comparing tables needs {error.name}: {install('drift')}") from None
    wanted, criteria = _wanted(process, catalogue_folder, min_rows, score, timestamp, label)
    pages = _Pages(process or "comparison", html, evidently)
    try:
        found = _compare(reference, current, chunk, wanted, criteria, pages)
    except (TableError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"a file cannot be written: {error}") from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        click.echo("\n".join(shown.lines(found)))
    if fail_on_drift and found.drifted:
        raise SystemExit(DRIFT)


def _refuse(what: str, options: dict[str, object]) -> None:
    """Raise a usage error if any of some options is set, which would be of no effect."""
    if given := [name for name, value in options.items() if value]:
        raise click.UsageError(f"{', '.join(given)}: these {what}.")


def _in_order(since: datetime | None, at: datetime | None) -> None:
    """Raise a usage error for times between which no window can have closed."""
    now = datetime.now(UTC)
    for name, time in (("--since", since), ("--at", at)):
        if time is not None and time > now:
            raise click.UsageError(f"{name} {time:%Y-%m-%dT%H:%MZ}: this is still to come; take a time of the past.")
    if since is not None and at is not None and since >= at:
        raise click.UsageError("--since must be before --at: what is between is tested again.")


@dataclass(frozen=True)
class _Past:
    """What is tested again (windows after ``since``), as of when (``at``, now if None), and whether ``once`` only."""

    since: datetime | None
    at: datetime | None
    once: bool


def _watch(
    client: Elasticsearch, folder: Path, name: str | None, listen: tuple[str, int], past: _Past, fail_on_drift: bool
) -> None:
    """Test the models of a catalogue, or the one that is named: once, or until told to stop."""
    try:
        from aiwatch.detect.hourly.judging import ProcessJudge
        from aiwatch.detect.hourly.service import Service
        from aiwatch.detect.hourly.store import DriftStore
    except ImportError as error:
        raise click.ClickException(f"testing needs {error.name}: {install('drift')}") from None
    shared.log_to_stderr()
    host, port = listen
    changes = CatalogueWatch(folder)
    service = Service(DriftStore(client), ProcessJudge, name)
    if name is not None:
        shared.find_model(folder, name)
    service.follow(shared.read_catalogue(folder))
    if past.since is not None:
        service.restart(past.since)
    if past.once or past.at is not None:
        failed = service.look(past.at or datetime.now(UTC))
        found = [shown for _, shown in sorted(service.collector.shown.items())]
        click.echo("\n".join(_in_words(shown) for shown in found))
        if failed:
            raise click.ClickException(f"could not be tested: {', '.join(failed)}; the log above says why")
        if fail_on_drift and any(shown.state == "drift" for shown in found):
            raise SystemExit(DRIFT)
        return
    try:
        start_http_server(port, host, service.metrics.registry)
    except OSError as error:
        raise click.ClickException(
            f"cannot serve /metrics on {host}:{port}: {error.strerror}; choose another with --listen"
        ) from None
    service.run(shared.stop_on_signals(), lambda: datetime.now(UTC), changes.changed)


def _in_words(shown: Shown) -> str:
    """Return in one line what was found of a process."""
    result = shown.result
    if result is None:
        return f"{shown.process}: {shown.state.replace('_', ' ')}"
    drifted = dict.fromkeys(finding.feature for finding in result.findings if finding.drifted)
    cause = f"; likely cause: {result.causes[0].cause}" if result.causes else ""
    return (
        f"{shown.process}: {shown.state.replace('_', ' ')}{': ' if drifted else ''}{', '.join(drifted)}{cause} "
        f"({result.rows} predictions until {result.end:%Y-%m-%dT%H:%MZ})"
    )


def _wanted(
    process: str | None, folder: Path, min_rows: int, score: str | None, timestamp: str | None, label: str | None
) -> tuple[Wanted, Criteria]:
    """Return what the tables should hold and how they are judged, as the catalogue says if a process is named."""
    from aiwatch.detect.aspects import Criteria
    from aiwatch.profiles.tables.columns import Type, Wanted

    if process is None:
        return Wanted(prediction=score, time=timestamp, label=label), Criteria(min_rows)
    found = shared.find_model(folder, process)
    options = found.options
    assert isinstance(options, PredictionOptions)
    types: dict[str, Type] = {name: feature.type for name, feature in options.features.items()}
    wanted = Wanted(types, "classifier" if found.kind.name == "classifier" else "regressor", score, timestamp, label)
    minimum = {str(measure): effect for measure, effect in options.drift.minimum_effect.items()}
    return wanted, Criteria(min_rows, options.drift.tests, minimum)


def _compare(
    reference: tuple[str, ...],
    current: tuple[str, ...],
    chunk: int | timedelta | None,
    wanted: Wanted,
    criteria: Criteria,
    pages: _Pages,
) -> Comparison:
    from aiwatch.detect import files, shown
    from aiwatch.profiles.tables.build import build_baseline

    with tempfile.TemporaryDirectory(prefix="aiwatch-drift-") as scratch:
        before, now, notes = files.read_tables(reference, current, wanted, Path(scratch))
        segments = files.segments_of(before) if pages.html else ()
        baseline = build_baseline(before, "reference", created=datetime.now(UTC), segments=segments)
        least = criteria.min_rows
        cut = files.by_time(now, chunk, least) if isinstance(chunk, timedelta) else files.by_rows(now, chunk, least)
        pieces = list(cut)
        compared = files.compare(baseline, before, pieces, criteria)
        chunks = tuple(compared.chunks)
        told = shown.told_chunk(chunks)
        if pages.html is not None:
            pages.html.write_text(render_report(compared.result(told, pages.process)), encoding="utf-8")
        if pages.evidently is not None:
            _write_evidently(before, pieces[told.number].frame, pages.evidently)
        return shown.Comparison(
            reference=before.files,
            current=now.files,
            reference_rows=before.rows,
            current_rows=now.rows,
            drifted=shown.drifted(chunks),
            chunks=tuple(map(shown.as_told, chunks)),
            notes=tuple(notes),
        )


def _write_evidently(reference: Table, current: DataFrame, path: Path) -> None:
    from aiwatch.detect.evidently_report import write_evidently

    try:
        write_evidently(reference.frame.collect(), current, reference.columns, path)
    except ImportError as error:
        raise click.ClickException(f"--evidently needs {error.name}: {install('evidently')}") from None
