"""`aiwatch export`: follow the logs, or read what there is once."""

from __future__ import annotations

import contextlib
import ipaddress
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
from aiwatch.catalogue.watch import CatalogueWatch
from aiwatch.commands import shared
from aiwatch.ingest.batch import Counts
from aiwatch.ingest.commit import CheckpointError
from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.core import AVAILABLE
from aiwatch.ingest.decode import Entry
from aiwatch.ingest.documents import address_of, body_of
from aiwatch.ingest.export import Exporter, open_exporter
from aiwatch.ingest.following import Events, ListenError, Metrics, follow
from aiwatch.ingest.group.config import KafkaConfigError, consumer_config
from aiwatch.ingest.group.counts import sum_counts
from aiwatch.ingest.preview import preview
from aiwatch.ingest.serve import full_text
from aiwatch.ingest.sources.stdin import StandardInput
from aiwatch.ingest.tuning import look_for_cycles_seldom, raise_limit_of_open_files, share_one_arena

_LOG = logging.getLogger(__name__)
_PREVIEW_LINES = 5


@click.command()
@shared.catalogue_folder_option
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
@click.option("--kafka", metavar="BOOTSTRAP", help="Where Kafka is, host:port[,...]; needed for logs with a topic.")
@click.option(
    "--kafka-group",
    default="aiwatch",
    show_default=True,
    help="Exporters of one group share the partitions of the topics.",
)
@click.option(
    "--kafka-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of further librdkafka properties, such as how to log in: key=value lines.",
)
@shared.listen_option("127.0.0.1:9464", "Where /metrics is served.")
@click.option(
    "--events-listen",
    type=shared.Address(),
    default="127.0.0.1:9465",
    show_default=True,
    help="Where /v1/events takes the lines of logs with `source: http`.",
)
@click.option(
    "--events-token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="AIWATCH_EVENTS_TOKEN_FILE",
    help="File with the bearer token that whoever posts events must present.",
)
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
    catalogue_folder: Path,
    logs: Path,
    state: Path,
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
    documents: str | None,
    kafka: str | None,
    kafka_group: str,
    kafka_config: Path | None,
    listen: tuple[str, int],
    events_listen: tuple[str, int],
    events_token_file: Path | None,
    zero_seconds: float,
    once: bool,
    as_json: bool,
    metrics_file: Path | None,
    dry_run: bool,
) -> None:
    """Translate the logs of the catalogue's processes into metrics and documents.

    When the catalogue changes, the exporter goes on with the new one at once; as long as that has mistakes, it stays
    with the former one.
    """
    shared.log_to_stderr()
    watch = CatalogueWatch(catalogue_folder)
    catalogue = shared.read_catalogue(catalogue_folder)
    if dry_run:
        _show(catalogue, logs)
        return
    if (as_json or metrics_file) and not once:
        raise click.UsageError("--json and --metrics-file go with --once.")
    token = None if events_token_file is None else _token(events_token_file)
    if token is None and not _is_loopback(events_listen[0]):
        raise click.UsageError("--events-listen beyond this machine needs --events-token-file.")
    if not AVAILABLE:
        _LOG.info(
            "without the compiled core, which was not built: lines are read by Python alone, several times slower"
        )
    stop = shared.stop_on_signals()
    target = _target(url, documents, api_key_file, ca_certs)
    consumer = _consumer(kafka, kafka_group, kafka_config)
    raise_limit_of_open_files()
    look_for_cycles_seldom()
    share_one_arena()
    pipe = StandardInput()

    def start(stack: ExitStack, catalogue: Catalogue, halt: threading.Event) -> Exporter:
        try:
            zero = 0.0 if once else zero_seconds
            return open_exporter(stack, catalogue, logs, state, target, halt, zero, pipe, once, consumer)
        except (CheckpointError, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None

    try:
        if once:
            with ExitStack() as stack:
                _once(start(stack, catalogue, stop), as_json, metrics_file)
        else:
            follow(start, catalogue, watch, Metrics(*listen), Events(*events_listen, token), stop)
    except ListenError as error:
        raise click.ClickException(str(error)) from None
    except StoppedError:
        raise click.ClickException("stopped before everything was delivered; run it again") from None
    except CheckpointError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error}; nothing is lost: what was not committed is read again") from None
    except sqlite3.DatabaseError as error:
        raise click.ClickException(f"the checkpoint in {state} failed: {error}; start the exporter again") from None


def _consumer(bootstrap: str | None, group: str, file: Path | None) -> dict[str, str] | None:
    if bootstrap is None:
        return None
    try:
        return consumer_config(bootstrap, group, file)
    except KafkaConfigError as error:
        raise click.ClickException(str(error)) from None


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


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"cannot read the token in {path}: {error}; name another --events-token-file"
        ) from None
    if not token or token.split() != [token]:
        raise click.ClickException(f"{path}: expected one token and nothing else")
    return token


def _is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens on ``host``.

    >>> [_is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org", "")]
    [True, True, True, False, False, False]
    """
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _once(exporter: Exporter, as_json: bool, metrics_file: Path | None) -> None:
    exporter.pipeline.drain()
    counts = exporter.pipeline.counts
    unread, problems = exporter.pipeline.unread_bytes(), exporter.pipeline.problems()
    if exporter.member is not None:
        exporter.member.drain()
        counts = sum_counts([counts, exporter.member.counts()])
        problems |= exporter.member.problems()
    if metrics_file is not None:
        openmetrics = metrics_file.suffix == ".om"
        metrics_file.write_bytes(full_text(exporter.exposition, exporter.self_metrics, openmetrics))
    if as_json:
        rest = {"unread_bytes": unread, "problems": problems}
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
            address = address_of(found.document)
            click.echo(f"{address.index}/{address.id}\n  {body_of(found.document).decode()}")
        else:
            click.echo(f"rejected, {found.reason}: {found.detail} ({found.path}, byte {found.offset})")
    if not shown:
        click.echo(f"no lines below {logs} (--logs) at the paths that the catalogue names")
