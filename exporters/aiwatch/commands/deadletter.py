"""`aiwatch deadletter`: look at the lines that were rejected, and read them again once mended."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError

from aiwatch.commands import shared
from aiwatch.ingest.dead_letters import DeadLetter, DeadLettersError, read, read_file
from aiwatch.ingest.group.letters import read_letters
from aiwatch.ingest.reasons import REASONS
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
            cells = (
                *(f"{number}", f"{letter.time:%Y-%m-%d %H:%M:%S}", letter.process, letter.reason),
                *(f"{letter.path}, byte {letter.offset}", letter.detail),
            )
            click.echo("\t".join(_printable(" ".join(each.split())) for each in cells))
    if not letters and not as_json:
        click.echo("no dead letters")


@deadletter.command()
@shared.state_option
@click.argument("number", type=click.IntRange(min=1))
def show(state: Path, number: int) -> None:
    """Show one dead letter whole, by its NUMBER in the list: why it was rejected, where it stands, and its line."""
    letters = _letters(state)
    if number > len(letters):
        raise click.ClickException(f"there is no dead letter {number}: `list` shows {len(letters)}")
    letter = letters[number - 1]
    rows = {
        "letter": f"{number} of {len(letters)}",
        "rejected": f"{letter.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "process": letter.process,
        "reason": f"{letter.reason}: {REASONS.get(letter.reason, '')}",
        "detail": letter.detail,
        "place": f"{letter.path}, byte {letter.offset}",
        "stream": letter.stream,
        "source": letter.source,
        "line": f"{len(letter.content):,} bytes",
    }
    for name, text in rows.items():
        click.echo(f"{name:<10}{_printable(text)}")
    click.echo(f"\n{_readable(letter.content)}")


@deadletter.command()
@shared.elasticsearch_options
@click.option("--kafka-group", default="aiwatch", show_default=True, help="Whose dead letters.")
def fetch(url: str | None, api_key_file: Path | None, ca_certs: Path | None, kafka_group: str) -> None:
    """Print the dead letters that a group of exporters keeps in Elasticsearch, as a file that `replay` reads."""
    if url is None:
        raise click.UsageError("Say where Elasticsearch is: --elasticsearch URL.")
    try:
        for letter in read_letters(shared.connect(url, api_key_file, ca_certs), kafka_group):
            click.echo(msgspec.json.encode(letter))
    except (ApiError, TransportError) as error:
        raise click.ClickException(f"{url}: {error}") from None


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


def _readable(line: bytes) -> str:
    r"""Return a line for people: JSON laid out, and whatever a terminal cannot show as an escape.

    >>> print(_readable(b'{"a": 1}'), _readable(b"caf\xe9 \x1b[2J"))
    {
      "a": 1
    } caf\xe9 \x1b[2J
    """
    with contextlib.suppress(msgspec.MsgspecError):  # what is no JSON is shown as it is
        line = msgspec.json.format(line, indent=2)
    return _printable(line.decode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode() for each in text
    )


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
