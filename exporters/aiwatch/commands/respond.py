"""`aiwatch respond`: take Alertmanager's notifications, show them, and answer drift."""

from __future__ import annotations

from pathlib import Path

import click

from aiwatch.catalogue.model import Catalogue
from aiwatch.catalogue.watch import CatalogueWatch
from aiwatch.commands import shared
from aiwatch.respond.elasticsearch_reports import ElasticsearchReports
from aiwatch.respond.elasticsearch_store import ElasticsearchStore
from aiwatch.respond.elasticsearch_trail import ElasticsearchTrail
from aiwatch.respond.elasticsearch_windows import ElasticsearchWindows
from aiwatch.respond.journal import Journal
from aiwatch.respond.policy import policies
from aiwatch.respond.responses import Responses, utc_now
from aiwatch.respond.serve import ServeError, serve
from aiwatch.respond.worker import Worker


@click.command()
@shared.listen_option("127.0.0.1:8080", "Where the inbox is served.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    envvar="AIWATCH_TOKEN_FILE",
    help="File that holds the token which Alertmanager presents, and whoever resumes a model.",
)
@shared.catalogue_folder_option
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    envvar="AIWATCH_RESPOND_ENDPOINTS",
    help="As in `aiwatch provision`: links to models lead to inbox.",
)
@shared.elasticsearch_options
def respond(
    listen: tuple[str, int],
    token_file: Path,
    catalogue_folder: Path,
    endpoints: tuple[str, ...],
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
) -> None:
    """Receive Alertmanager's notifications, show the inbox, and answer drift as the catalogue says.

    On ModelDrift the model is flagged for review, its retraining paused and the windows concerned quarantined,
    until somebody resumes it (`aiwatch resume`).
    """
    shared.log_to_stderr()
    if url is None:
        raise click.UsageError("Say where notifications are kept: --elasticsearch URL.")
    watch = CatalogueWatch(catalogue_folder)
    known = policies(shared.relocated(shared.read_catalogue(catalogue_folder), endpoints))

    def changed() -> Catalogue | None:
        catalogue = watch.changed()
        return catalogue and shared.relocated(catalogue, endpoints)

    client = shared.connect(url, api_key_file, ca_certs)
    responses = Responses(Journal(ElasticsearchTrail(client)), known, ElasticsearchWindows(client), utc_now)
    worker = Worker(responses, changed)
    worker.start()
    try:
        serve(*listen, token_file, ElasticsearchStore(client), responses, ElasticsearchReports(client))
    except ServeError as error:
        raise click.ClickException(str(error)) from None
    finally:
        worker.stop()
