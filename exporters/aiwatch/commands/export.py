"""`aiwatch export`: follow the logs, or read what there is once."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click
from elasticsearch import Elasticsearch

from aiwatch.catalogue.model import Catalogue
from aiwatch.commands import shared
from aiwatch.ingest.batch import Counts
from aiwatch.ingest.checkpoint import CheckpointError
from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.decode import Entry
from aiwatch.ingest.export import Exporter, open_exporter, preview
from aiwatch.ingest.serve import MetricsServer, full_text

_LOG = logging.getLogger(__name__)
_PREVIEW_LINES = 5


@click.command()
@shared.catalogue_option
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    default="logs",
    show_default=True,
    envvar="AIWATCH_LOGS",
    help="Folder that the paths of logs in the catalogue are relative to.",
)
@shared.state_option
@shared.elasticsearch_options
@click.option("--documents", help="Write documents to a file instead: ndjson:PATH. No server is needed.")
@click.option("--listen", default="127.0.0.1:9464", show_default=True, help="Where /metrics is served.")
@click.option(
    "--zero-seconds",
    default=20.0,
    show_default=True,
    help="For how long a new series is shown as 0 first; longer than the scrape interval.",
)
@click.option("--once", is_flag=True, help="Read what there is, commit, print the counts and exit.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print the counts as JSON.")
@click.option(
    "--metrics-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --once: write the metrics to this file, as OpenMetrics when it ends in .om.",
)
@click.option("--dry-run", is_flag=True, help="Show the first lines of each log as they would be stored.")
def export(
    catalogue: Catalogue,
    logs: Path,
    state: Path,
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
    documents: str | None,
    listen: str,
    zero_seconds: float,
    once: bool,
    as_json: bool,
    metrics_file: Path | None,
    dry_run: bool,
) -> None:
    """Translate the logs of the catalogue's processes into metrics and documents."""
    shared.log_to_stderr()
    if dry_run:
        _show(catalogue, logs)
        return
    if (as_json or metrics_file) and not once:
        raise click.UsageError("--json and --metrics-file go with --once.")
    stop = shared.stop_on_signals()
    target = _target(url, documents, api_key_file, ca_certs)
    with ExitStack() as stack:
        try:
            exporter = open_exporter(stack, catalogue, logs, state, target, stop, 0.0 if once else zero_seconds)
        except (CheckpointError, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        try:
            if once:
                _once(exporter, as_json, metrics_file)
            else:
                _follow(exporter, listen, stop)
        except StoppedError:
            _LOG.info("stopped while lines were waiting; they will be read again")
            if once:
                raise click.ClickException("stopped before everything was delivered; run it again") from None
        except OSError as error:
            raise click.ClickException(f"{error}; nothing is lost: what was not committed is read again") from None
        except sqlite3.DatabaseError as error:
            raise click.ClickException(f"the checkpoint in {state} failed: {error}; start the exporter again") from None


def _target(
    url: str | None, documents: str | None, api_key_file: Path | None, ca_certs: Path | None
) -> Elasticsearch | Path:
    if (url is None) == (documents is None):
        raise click.UsageError("Say where documents go: either --elasticsearch URL or --documents ndjson:PATH.")
    if url is not None:
        return shared.connect(url, api_key_file, ca_certs)
    form, _, path = str(documents).partition(":")
    if form != "ndjson" or not path:
        raise click.UsageError(f"--documents {documents}: write ndjson:PATH.")
    return Path(path)


def _follow(exporter: Exporter, listen: str, stop: threading.Event) -> None:
    host, port = shared.split_listen(listen)
    try:
        server = MetricsServer(host, port, exporter.exposition, exporter.self_metrics)
    except OSError as error:
        raise click.ClickException(
            f"cannot serve /metrics on {listen}: {error.strerror}; choose another with --listen"
        ) from None
    _LOG.info("metrics on http://%s/metrics", server.address)
    try:
        exporter.pipeline.run()
    finally:
        server.close()


def _once(exporter: Exporter, as_json: bool, metrics_file: Path | None) -> None:
    exporter.pipeline.drain()
    if metrics_file is not None:
        openmetrics = metrics_file.suffix == ".om"
        metrics_file.write_bytes(full_text(exporter.exposition, exporter.self_metrics, openmetrics))
    counts, unread = exporter.pipeline.counts, exporter.pipeline.unread_bytes()
    if as_json:
        rest = {"unread_bytes": unread, "problems": exporter.pipeline.problems()}
        click.echo(json.dumps(asdict(counts) | rest, sort_keys=True))
    else:
        click.echo(_in_words(counts, unread))


def _in_words(counts: Counts, unread: int) -> str:
    rows = [f"{counts.lines} lines read, {counts.records} records stored, {counts.duplicates} duplicates left out"]
    for process, records in sorted(counts.by_process.items()):
        rows += [f"  {process}: {number} {record}" for record, number in sorted(records.items())]
    rows += [f"  rejected, {reason}: {number}" for reason, number in sorted(counts.rejected.items())]
    if unread:
        rows.append(f"  {unread} bytes are left unread: lines that have no end yet")
    return "\n".join(rows)


def _show(catalogue: Catalogue, logs: Path) -> None:
    shown = list(preview(catalogue, logs, _PREVIEW_LINES))
    for found in shown:
        if isinstance(found, Entry):
            click.echo(f"{found.document.index}/{found.document.id}\n  {found.document.body.decode()}")
        else:
            click.echo(f"rejected, {found.reason}: {found.detail} ({found.path}, byte {found.offset})")
    if not shown:
        click.echo(f"no lines below {logs} (--logs) at the paths that the catalogue names")
