"""`aiwatch provision`: generate all configuration from the catalogue, check it, apply it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from elasticsearch import Elasticsearch

from aiwatch.catalogue.model import Catalogue
from aiwatch.commands import shared
from aiwatch.provision import tree as files
from aiwatch.provision.apply.elasticsearch_server import ApplyError, apply
from aiwatch.provision.apply.grafana_server import GrafanaError, push_dashboards
from aiwatch.provision.apply.reload import ReloadError, reload_alertmanager, reload_prometheus
from aiwatch.provision.contracts import Tree
from aiwatch.provision.formats import operator
from aiwatch.provision.generators import OWNED, generate_all
from aiwatch.provision.generators.elasticsearch_templates import retentions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@shared.catalogue_option
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder below which prometheus/generated, grafana/generated and the like are written.",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    help="Another address than the catalogue's for grafana, inbox or responder; may be repeated.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["files", "operator"]),
    default="files",
    show_default=True,
    help="operator: custom resources of the Prometheus Operator in kubernetes/generated instead.",
)
@click.option("--check", is_flag=True, help="Write nothing; show what differs and exit 1 if anything does.")
@click.option("--apply", "apply_", is_flag=True, help="Push what was generated into the servers named below.")
@click.option("--elasticsearch", "url", envvar="AIWATCH_ELASTICSEARCH", help="Apply templates, lifecycle, API keys.")
@click.option("--username", default="elastic", show_default=True, help="User of Elasticsearch for --apply.")
@click.option("--password-file", type=_FILE, help="File that holds that user's password.")
@click.option("--ca-certs", type=_FILE, envvar="AIWATCH_CA_CERTS", help="Certificates to trust when it speaks https.")
@click.option(
    "--secrets",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="AIWATCH_SECRETS",
    help="Folder for the API keys and tokens that --apply makes.  [default: the catalogue's secrets_dir]",
)
@click.option("--prometheus", help="URL of a Prometheus to reload.")
@click.option("--alertmanager", help="URL of an Alertmanager to reload.")
@click.option("--grafana", help="URL of a Grafana to push folders and dashboards into.")
@click.option("--grafana-token-file", type=_FILE, help="File that holds a token of a Grafana service account.")
def provision(
    catalogue: Catalogue,
    root: Path,
    endpoints: tuple[str, ...],
    format_: str,
    check: bool,
    apply_: bool,
    url: str | None,
    username: str,
    password_file: Path | None,
    ca_certs: Path | None,
    secrets: Path | None,
    prometheus: str | None,
    alertmanager: str | None,
    grafana: str | None,
    grafana_token_file: Path | None,
) -> None:
    """Generate rules, routes, dashboards, templates and schemas from the catalogue.

    Nothing is written as long as the catalogue has errors.
    """
    if format_ == "operator" and apply_:
        raise click.UsageError("--apply does not go with --format=operator: run kubectl apply -f kubernetes/generated.")
    if check and apply_:
        raise click.UsageError("--check writes nothing and --apply does: say one of them.")
    if grafana and not grafana_token_file:
        raise click.UsageError("--grafana needs --grafana-token-file.")
    if not apply_ and (prometheus or alertmanager or grafana):
        raise click.UsageError("--prometheus, --alertmanager and --grafana go with --apply.")
    catalogue = shared.relocated(catalogue, endpoints)
    if secrets is not None:
        framework = catalogue.framework.model_copy(update={"secrets_dir": str(secrets.absolute())})
        catalogue = replace(catalogue, framework=framework)
    tree: Tree = generate_all(catalogue)
    owned: tuple[str, ...] = OWNED
    if format_ == "operator":
        tree, owned = operator.generate(catalogue), operator.OWNED
    try:
        if check:
            _check(tree, root, owned, "" if format_ == "files" else f" --format {format_}")
            return
        written = files.write(tree, root, owned)
    except (files.TreeError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(tree)} files: {len(written.changed)} written, {len(written.removed)} removed, the rest was right")
    if not apply_:
        return
    try:
        if url:
            client = _client(url, username, password_file, ca_certs)
            folder = Path(catalogue.framework.secrets_dir)
            today = datetime.now(UTC).date()
            applied = apply(client, tree, folder, retentions(catalogue.framework), today)
            click.echo(f"Elasticsearch: {len(applied.steps)} steps, {len(applied.changed)} changed something")
        if alertmanager:
            reload_alertmanager(alertmanager)
            click.echo("Alertmanager: reloaded")
        if prometheus:
            reload_prometheus(prometheus)
            click.echo("Prometheus: reloaded")
        if grafana and grafana_token_file:
            pushed = push_dashboards(tree, grafana, shared.read_secret(grafana_token_file))
            click.echo(f"Grafana: {pushed} dashboards")
    except (ApplyError, ReloadError, GrafanaError) as error:
        raise click.ClickException(str(error)) from None


def _check(tree: Tree, root: Path, owned: tuple[str, ...], option: str) -> None:
    differences = files.check(tree, root, owned)
    if differences:
        click.echo(files.describe(differences) + option)
        raise SystemExit(1)
    click.echo(f"{len(tree)} generated files agree with the catalogue")


def _client(url: str, username: str, password_file: Path | None, ca_certs: Path | None) -> Elasticsearch:
    if password_file is None:
        raise click.UsageError("--apply --elasticsearch needs --password-file.")
    password = shared.read_secret(password_file)
    return shared.connect(url, None, ca_certs, basic_auth=(username, password))
