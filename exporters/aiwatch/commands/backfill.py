"""`aiwatch backfill`: old logs become documents and Prometheus blocks."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from aiwatch.catalogue.model import Catalogue
from aiwatch.commands import shared
from aiwatch.ingest.backfill import BackfillError, collect, join_feedback, make_blocks, openmetrics_by_day
from aiwatch.ingest.contracts import StoppedError
from aiwatch.ingest.dead_letters import DeadLetters
from aiwatch.ingest.joining import Joiner
from aiwatch.ingest.sinks.elasticsearch_bulk import ElasticsearchSink

_LOG = logging.getLogger(__name__)


@click.command()
@shared.catalogue_option
@click.option(
    "--logs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of the old logs, laid out like the one that the exporter follows, but another one.",
)
@shared.elasticsearch_options
@click.option(
    "--blocks",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the blocks: the data folder of Prometheus.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default="backfill-state",
    show_default=True,
    help="Folder for the dead letters.",
)
@click.option("--promtool", default="promtool", show_default=True, help="Program that makes the blocks.")
def backfill(
    catalogue: Catalogue,
    logs: Path,
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
    blocks: Path | None,
    state: Path,
    promtool: str,
) -> None:
    """Store the documents and the metrics of old logs, each event at its own time.

    Point it at logs that no exporter has counted, and at a state folder of its own (for the dead letters). Running
    it again stores no document twice and makes the same samples.
    """
    shared.log_to_stderr()
    if url is None and blocks is None:
        raise click.UsageError("Say what to make: --elasticsearch URL for documents, --blocks FOLDER for metrics.")
    now = datetime.now(UTC)
    sink = joiner = None
    if url is not None:
        stop = shared.stop_on_signals()
        client = shared.connect(url, api_key_file, ca_certs)
        sink = ElasticsearchSink(client, stop, lambda reason: None)
        joiner = Joiner(client)
    try:
        found = collect(catalogue, logs, sink, now)
    except StoppedError:
        raise click.ClickException(
            "stopped while documents were waiting; run it again, nothing is stored twice"
        ) from None
    alone = join_feedback(joiner, found.joins) if joiner is not None else []
    if alone:
        _LOG.warning("%d feedback found no interaction to be joined onto", len(alone))
    days = 0
    if blocks is not None:
        try:
            days = make_blocks(openmetrics_by_day(found.deltas, now), promtool, blocks, _LOG.info)
        except BackfillError as error:
            raise click.ClickException(str(error)) from None
    if found.rejects:
        state.mkdir(parents=True, exist_ok=True)
        letters = DeadLetters(state, committed=sys.maxsize)
        letters.append(found.rejects, now)
        letters.close()
        _LOG.warning("%d lines were rejected: see `aiwatch deadletter list --state %s`", len(found.rejects), state)
    rejected = Counter(reject.reason for reject in found.rejects)
    click.echo(json.dumps({"records": found.records, "repeated": found.repeated, "rejected": rejected, "days": days}))
