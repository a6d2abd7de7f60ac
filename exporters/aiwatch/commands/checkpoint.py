"""`aiwatch checkpoint`: what the exporter remembers, whether it is sound, and how to begin anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from aiwatch.commands import shared
from aiwatch.ingest.checkpoint import move_away
from aiwatch.ingest.commit import CheckpointError
from aiwatch.ingest.examine import Examination, examine

_MEANING = """\
The next `aiwatch export` reads all logs that are there from their beginning:
- Events that Elasticsearch holds already are recognised by their id: they count as duplicates and are not stored
  again. Lines without an id are stored a second time.
- All counters start again at 0.
- What cannot be read becomes a dead letter again."""


@click.group()
def checkpoint() -> None:
    """What has been delivered: positions in the logs, and the metrics."""


@checkpoint.command()
@shared.state_option
def verify(state: Path) -> None:
    """Say what the checkpoint holds and whether it is sound; nothing is changed.

    The exit code is 1 when it is damaged, in use or not there.
    """
    try:
        found = examine(state)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot look into {state}: {error.strerror}") from None
    click.echo(_in_words(found))
    if found.problems:
        raise click.ClickException(
            f"{found.path} is damaged: restore it from a backup, or begin anew with "
            f"`aiwatch checkpoint reset --state {state}`"
        )


@checkpoint.command()
@shared.state_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(state: Path, yes: bool) -> None:
    """Move the checkpoint and the dead letters away, so that the exporter begins anew. Nothing is deleted."""
    if not yes:
        click.echo(_MEANING)
        click.confirm(f"Move the checkpoint in {state} away?", abort=True)
    try:
        place = move_away(state, datetime.now(UTC))
    except CheckpointError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot move the checkpoint in {state} away: {error.strerror}") from None
    click.echo(f"{', '.join(sorted(file.name for file in place.iterdir()))} moved to {place}")
    if yes:
        click.echo(_MEANING)
    click.echo(f"To undo it, stop the exporter and move the files back to {state}.")


def _in_words(found: Examination) -> str:
    rows = [f"{found.path} is {'damaged' if found.problems else 'sound'}"]
    rows += [f"  problem: {problem}" for problem in found.problems]
    rows += [
        f"  {len(found.places)} logs, {sum(place.position.offset for place in found.places):,} bytes delivered",
        *(f"    {each.position.path}, byte {each.position.offset}: {each.words}" for each in found.places),
        f"  {found.series:,} series",
        f"  {found.sessions:,} open sessions",
        f"  {found.joins:,} ratings wait for their interactions",
        f"  {found.profiles:,} profiles of hours",
        f"  {found.dead_letters:,} dead letters",
    ]
    rows += [f"  note: {note}" for note in found.notes]
    return "\n".join(rows)
