"""`aiwatch export`: follow the logs, or read what there is once."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import ipaddress
import json
import logging
import resource
import sqlite3
import threading
from collections.abc import Callable, Mapping
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
from aiwatch.ingest.export import Exporter, open_exporter, preview
from aiwatch.ingest.group.config import KafkaConfigError, consumer_config
from aiwatch.ingest.group.counts import sum_counts
from aiwatch.ingest.serve import MetricsServer, full_text
from aiwatch.ingest.sources.http import PATH, EventsServer
from aiwatch.ingest.sources.spool import Spool
from aiwatch.ingest.sources.stdin import StandardInput

_LOG = logging.getLogger(__name__)
_PREVIEW_LINES = 5
_ARENA_MAX, _TRIM_THRESHOLD, _MMAP_THRESHOLD = -8, -1, -3  # M_ARENA_MAX and so on of <malloc.h>
_KEPT_BYTES = 32 * 2**20  # what is freed stays for the next batch; more is given back
_LOOK_SECONDS = 1.0  # between two looks at the catalogue


class _EventsAddress(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        try:
            return shared.split_listen(value)
        except click.ClickException:
            self.fail(f"{value!r}: write host:port, such as 127.0.0.1:9465", param, ctx)


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
@click.option("--listen", default="127.0.0.1:9464", show_default=True, help="Where /metrics is served.")
@click.option(
    "--events-listen",
    type=_EventsAddress(),
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
    listen: str,
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
    _raise_limit_of_open_files()
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
            _follow(start, catalogue, watch, listen, _Events(*events_listen, token), stop)
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


def _follow(
    start: Callable[[ExitStack, Catalogue, threading.Event], Exporter],
    catalogue: Catalogue,
    watch: CatalogueWatch,
    listen: str,
    events: _Events,
    stop: threading.Event,
) -> None:
    """Run until told to stop, with one exporter after the other: a new one whenever the catalogue has changed.

    The metrics are served all the time, by the exporter before until the next one has read its state. Who posts
    events in between is asked to come back.
    """
    following: Catalogue | None = catalogue
    with ExitStack() as serving:
        serving.callback(events.close)
        server: MetricsServer | None = None
        while following is not None:
            halt = threading.Event()
            with ExitStack() as stack:
                exporter = start(stack, following, halt)
                if server is None:
                    server = _serve(exporter, listen)
                    serving.callback(server.close)
                else:
                    server.show(exporter.exposition, exporter.self_metrics)
                events.show(exporter.spools)
                stack.callback(events.pause)
                following = _run(exporter, watch, halt, stop)


def _run(exporter: Exporter, watch: CatalogueWatch, halt: threading.Event, stop: threading.Event) -> Catalogue | None:
    """Run the exporter until told to stop, or until the catalogue has changed, which is returned then."""
    found: list[Catalogue] = []

    def look() -> None:
        while not (stop.wait(_LOOK_SECONDS) or halt.is_set() or found):
            found.extend([changed] if (changed := watch.changed()) is not None else [])
        halt.set()

    threading.Thread(target=look, name="catalogue", daemon=True).start()
    try:
        exporter.pipeline.run()
    except StoppedError:
        _LOG.info("stopped while lines were waiting; they will be read again")
    finally:
        halt.set()
    if exporter.member is not None and exporter.member.failure is not None:
        raise exporter.member.failure
    if stop.is_set() or not found:
        return None
    _LOG.info("the catalogue has changed: going on with the new one")
    return found[0]


class _Events:
    """The server of events, which listens once the catalogue has a log that needs it."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self._host, self._port, self._token = host, port, token
        self._server: EventsServer | None = None

    def show(self, spools: Mapping[str, Spool]) -> None:
        """Take events into ``spools``."""
        if self._server is None:
            if not spools:
                return
            try:
                self._server = EventsServer(self._host, self._port, self._token)
            except OSError as error:
                raise click.ClickException(
                    f"cannot take events on {self._host}:{self._port}: {error.strerror}; "
                    "choose another with --events-listen"
                ) from None
            _LOG.info("events on http://%s%s", self._server.address, PATH)
        self._server.show(spools)

    def pause(self) -> None:
        """Ask who posts events to come back."""
        if self._server is not None:
            self._server.show(None)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


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


def look_for_cycles_seldom() -> None:
    """Let the collector of cycles run once per many lines: what a line makes has none, and looking takes long."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def share_one_arena() -> None:
    """Let all threads get memory from one place, and keep it, where the C library can be told so (glibc).

    Else each thread that sends keeps some megabytes of its own for the next one, and what a batch needs is given back
    and asked for again page by page, which takes a twentieth of the time.
    """
    with contextlib.suppress(AttributeError, OSError):
        tell = ctypes.CDLL(None).mallopt
        tell(_ARENA_MAX, 1)
        tell(_MMAP_THRESHOLD, _KEPT_BYTES // 2)
        tell(_TRIM_THRESHOLD, _KEPT_BYTES)


def _raise_limit_of_open_files() -> None:
    """Allow as many open files as the system lets: every log that is followed is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then it stays as it is; a source says so when it is too low
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(exporter: Exporter, listen: str) -> MetricsServer:
    host, port = shared.split_listen(listen)
    try:
        server = MetricsServer(host, port, exporter.exposition, exporter.self_metrics)
    except OSError as error:
        raise click.ClickException(
            f"cannot serve /metrics on {listen}: {error.strerror}; choose another with --listen"
        ) from None
    _LOG.info("metrics on http://%s/metrics", server.address)
    return server


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
