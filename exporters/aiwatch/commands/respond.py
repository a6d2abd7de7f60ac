"""`aiwatch respond`: take Alertmanager's notifications and show them."""

from __future__ import annotations

from pathlib import Path

import click

from aiwatch.commands import shared
from aiwatch.respond.elasticsearch_store import ElasticsearchStore
from aiwatch.respond.serve import ServeError, serve


@click.command()
@click.option("--listen", default="127.0.0.1:8080", show_default=True, help="Where the inbox is served.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    envvar="AIWATCH_TOKEN_FILE",
    help="File that holds the token which Alertmanager presents.",
)
@shared.elasticsearch_options
def respond(listen: str, token_file: Path, url: str | None, api_key_file: Path | None, ca_certs: Path | None) -> None:
    """Receive Alertmanager's notifications, keep them, and show the inbox as a page and as JSON."""
    shared.log_to_stderr()
    if url is None:
        raise click.UsageError("Say where notifications are kept: --elasticsearch URL.")
    host, port = shared.split_listen(listen)
    client = shared.connect(url, api_key_file, ca_certs)
    try:
        serve(host, port, token_file, ElasticsearchStore(client))
    except ServeError as error:
        raise click.ClickException(str(error)) from None
