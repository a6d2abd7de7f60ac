"""`aiwatch resume`: end the review of a model, by name and with a reason."""

from __future__ import annotations

from pathlib import Path

import click

from aiwatch.commands import shared
from aiwatch.respond.client import ResponderError, ask_to_resume


@click.command()
@click.argument("process")
@click.option("--by", required=True, metavar="NAME", help="Who decides.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the model may go on.")
@click.option(
    "--release",
    is_flag=True,
    help="Let the model learn from what this review quarantined: the drift is the world's, not a mistake.",
)
@shared.responder_option
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    envvar="AIWATCH_TOKEN_FILE",
    help="File that holds the responder's token.",
)
def resume(process: str, by: str, reason: str, release: bool, responder: str, token_file: Path) -> None:
    """Let the model of PROCESS go on: retraining may run, and what the response changed elsewhere is undone.

    Name and reason are kept in the trail. An alert that begins to fire later brings the model under review again.
    """
    token = shared.read_secret(token_file)
    try:
        answer = ask_to_resume(responder, process, token, by, reason, release)
    except ResponderError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{process}: {answer.reason}")
