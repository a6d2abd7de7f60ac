"""`aiwatch baseline`: what the predictions of the training period looked like."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from elastic_transport import TransportError
from elasticsearch import ApiError

from aiwatch.commands import shared
from aiwatch.hints import install
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.profiles.baseline import (
    Baseline,
    BaselineError,
    baseline_path,
    most_bytes,
    read_baseline,
    write_baseline,
)
from aiwatch.profiles.profile import Profile

if TYPE_CHECKING:
    from aiwatch.profiles.tables.typed import Table

_FEW = 1000  # rows


@click.command()
@shared.catalogue_folder_option
@click.argument("process")
@click.argument("more", nargs=-1, metavar="[FILE]...")
@click.option("--from", "files", multiple=True, metavar="FILE", help="Parquet, CSV or JSON lines; more may follow.")
@click.option(
    "--since", type=shared.Moment(), help="Take the predictions in Elasticsearch from this time on, or this long."
)
@click.option("--until", type=shared.Moment(), help="Up to this time.  [default: now]")
@click.option("--timestamp", metavar="COLUMN", help="The time, if it has an unusual name.")
@click.option("--score", metavar="COLUMN", help="The model's score, or predicted value, if it has an unusual name.")
@click.option("--label", metavar="COLUMN", help="The true outcome, if it has an unusual name.")
@click.option("--version", "model_version", metavar="VERSION", help="The model version; with --since, only its own.")
@shared.elasticsearch_options
def baseline(
    catalogue_folder: Path,
    process: str,
    more: tuple[str, ...],
    files: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    timestamp: str | None,
    score: str | None,
    label: str | None,
    model_version: str | None,
    url: str | None,
    api_key_file: Path | None,
    ca_certs: Path | None,
) -> None:
    """Profile the training period of PROCESS, for later predictions to be compared with.

    The rows come from files, or from a past time range in Elasticsearch. The features are those that the process file
    names; if it names none, the data says which there are. The baseline is written into the catalogue.
    """
    patterns = [*files, *more] if files else []
    if bool(patterns) == (since is not None) or (more and not files):
        raise click.UsageError("Say where the rows are: either --from FILE..., or --since TIME.")
    if until is not None and since is None:
        raise click.UsageError("--until goes with --since; of files all rows are taken.")
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must be before --until.")
    found = shared.find_model(catalogue_folder, process, without_baseline=True)
    try:
        # who only exports needs neither polars nor numpy
        from aiwatch.profiles.tables import build, columns, raw, stored, typed
    except ImportError as error:
        raise click.ClickException(f"reading tables needs {error.name}: {install('drift')}") from None
    options = found.options
    assert isinstance(options, PredictionOptions)
    types: dict[str, columns.Type] = {name: feature.type for name, feature in options.features.items()}
    kind: columns.Kind = "classifier" if found.kind.name == "classifier" else "regressor"
    wanted = columns.Wanted(types, kind, score, timestamp, label)
    with tempfile.TemporaryDirectory(prefix="aiwatch-baseline-") as scratch:
        folder = Path(scratch)
        if since is not None:
            if url is None:
                raise click.UsageError("--since needs --elasticsearch URL.")
            client = shared.connect(url, api_key_file, ca_certs)
            lines = folder / "predictions.jsonl"
            end = until or datetime.now(UTC)
            try:
                number = stored.write_predictions(client, process, since, end, model_version, lines)
            except (ApiError, TransportError) as error:
                raise click.ClickException(f"the predictions cannot be read from {url}: {error}") from None
            if not number:
                raise click.ClickException(f"{url} holds no prediction of {process} between {since} and {end}")
            patterns = [str(lines)]
        try:
            table = typed.read_table(patterns, wanted, folder)
            draft = partial(
                build.build_baseline,
                table,
                process,
                created=datetime.now(UTC).replace(microsecond=0),
                model_version=model_version,
                segments=options.drift.segments,
            )
            made = _fitting(draft, table, options.drift.timezone)
        except raw.TableError as error:
            raise click.ClickException(str(error)) from None
    if since is not None:
        made = msgspec.structs.replace(made, source=msgspec.structs.replace(made.source, files=(f"{url}",)))
    path = baseline_path(catalogue_folder, process)
    try:
        said = "is up to date" if _keep(made, path) else "written"
    except OSError as error:
        raise click.ClickException(
            f"{path} cannot be written: {error.strerror}; run this as the owner of the catalogue"
        ) from None
    for note in table.notes:
        click.echo(f"  {note}")
    if table.prediction is None:
        click.echo("  no column with the model's score is there: it is not watched; name one with --score")
    if made.source.rows < _FEW:
        doubt = "small changes will not be told from chance, nor a false alarm be ruled out as promised"
        click.echo(f"  only {made.source.rows} rows: {doubt}; take {_FEW} or more")
    click.echo(f"{path} {said}: {made.source.rows} rows, {len(table.types)} features, {path.stat().st_size} bytes")


def _fitting(draft: Callable[..., Baseline], table: Table, timezone: str) -> Baseline:
    """Return the baseline with as many bins as its file has room for: the names of categories may be long."""
    from aiwatch.profiles.tables.build import FEWEST_BINS, bins_for, hourly_profiles

    bins = bins_for(len(table.columns))
    while True:
        made = draft(bins=bins)
        made = _with_rhythm(made, hourly_profiles(table, made), timezone)
        size, most = len(write_baseline(made)), most_bytes(len(made.features))
        if size <= most or bins == FEWEST_BINS:
            return made
        bins = max(FEWEST_BINS, min(bins - 1, bins * most // size))


def _with_rhythm(made: Baseline, hours: Iterator[Profile], timezone: str) -> Baseline:
    """Return a baseline that knows how its process usually moves, if it was made of enough hours."""
    from aiwatch.detect.rhythm import learn

    rhythm = learn(made, hours, timezone)
    return msgspec.structs.replace(made, rhythm=msgspec.Raw(msgspec.json.encode(rhythm)))


def _keep(made: Baseline, path: Path) -> bool:
    """Write a baseline; return True, and leave the file alone, if it says the same already."""
    try:
        held = read_baseline(path)
    except BaselineError:
        held = None
    if held is not None and msgspec.structs.replace(made, created=held.created) == held:
        return True
    data = write_baseline(made)
    if len(data) > (most := most_bytes(len(made.features))):
        what = f"it would have {len(data)} bytes, where {most} are the most"
        raise click.ClickException(f"{path}: {what}; name fewer features in the process file")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
    return False
