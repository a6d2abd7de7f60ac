"""`aiwatch deadletter`: look at the lines that were rejected, and read them again once mended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from aiwatch.commands import shared
from aiwatch.ingest.dead_letters import DeadLetter, DeadLettersError, read, read_file
from aiwatch.ingest.replay import hand_over


@click.group()
def deadletter() -> None:
    """Lines that could not be decoded or stored."""


@deadletter.command("list")
@shared.state_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, the whole letter.")
def list_letters(state: Path, as_json: bool) -> None:
    """Show the dead letters, oldest first."""
    letters = _letters(state)
    for number, letter in enumerate(letters, 1):
        if as_json:
            click.echo(msgspec.json.encode(letter).decode())
        else:
            click.echo(
                f"{number}\t{letter.time:%Y-%m-%d %H:%M:%S}\t{letter.process}\t{letter.reason}\t"
                f"{letter.path}, byte {letter.offset}\t{letter.detail}"
            )
    if not letters and not as_json:
        click.echo("no dead letters")


@deadletter.command()
@shared.state_option
@click.argument("letters", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
def replay(state: Path, letters: Path | None) -> None:
    """Read dead letters again: all of them, or those in the file LETTERS (as `list --json` wrote them, mended).

    A running exporter picks them up by itself. A line that was stored in the meantime is not stored twice.
    """
    chosen = _letters(state) if letters is None else _of_file(letters)
    try:
        number, left = hand_over(state, chosen, datetime.now(UTC))
    except OSError as error:
        raise click.ClickException(f"cannot write below {state}: {error.strerror}") from None
    click.echo(f"{number} lines will be read again by the exporter")
    for letter in left:
        click.echo(f"not replayed, for it was not kept whole: {letter.path}, byte {letter.offset}: mend its source")


def _letters(state: Path) -> list[DeadLetter]:
    if not state.is_dir():
        raise click.ClickException(f"there is no state folder {state}: name the exporter's with --state")
    try:
        return list(read(state))
    except DeadLettersError as error:
        raise click.ClickException(str(error)) from None


def _of_file(path: Path) -> list[DeadLetter]:
    try:
        return list(read_file(path))
    except DeadLettersError as error:
        raise click.ClickException(str(error)) from None
