"""`aiwatch setup`: what an installation in containers needs before it can run, safe to repeat."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import requests
from elasticsearch import ApiError, AuthenticationException, Elasticsearch, TransportError

from aiwatch.catalogue.load import FRAMEWORK_FILE, PROCESSES_FOLDER
from aiwatch.commands import shared
from aiwatch.commands.provision import provision
from aiwatch.profiles.baseline import FOLDER as BASELINES_FOLDER
from aiwatch.provision import tree as files
from aiwatch.provision.apply.reload import ReloadError, reload_alertmanager, reload_prometheus
from aiwatch.provision.first_start import ELASTIC_PASSWORD, MADE_FIRST, OWN_SECRETS, SHARES, give, hand_out, make_first

_FOLDER = click.Path(file_okay=False, path_type=Path)

secrets_option = click.option(
    "--secrets", type=_FOLDER, required=True, envvar="AIWATCH_SECRETS", help="Folder of all secrets; nobody else's."
)
share_option = click.option(
    "--share",
    type=_FOLDER,
    required=True,
    envvar="AIWATCH_SETUP_SHARE",
    help="Folder with one folder per part, which holds the secrets of that part alone.",
)


@click.group()
def setup() -> None:
    """Prepare an installation: secrets, Elasticsearch, configuration. Every step may be repeated."""


@setup.command("secrets")
@secrets_option
@share_option
def make_secrets(secrets: Path, share: Path) -> None:
    """Make the passwords and tokens that do not exist yet, and hand them out."""
    try:
        made = make_first(secrets)
        hand_out(secrets, share)
    except OSError as error:
        raise click.ClickException(f"cannot keep the secrets: {error}") from None
    click.echo(f"{len(MADE_FIRST)} secrets: {len(made)} made, the rest was there")


@setup.command("secret")
@click.argument("name")
@click.option(
    "--for",
    "consumer",
    type=click.Choice(list(OWN_SECRETS)),
    default="alertmanager",
    show_default=True,
    help="Who uses it: Alertmanager to notify, or the responder to reach MLflow, Airflow and webhooks.",
)
@share_option
def own_secret(name: str, consumer: str, share: Path) -> None:
    """Keep a secret of yours, read from standard input: a Slack address, a routing key, a token."""
    if name in {made for each in SHARES for made in each.names}:
        raise click.ClickException(f"{name} is made by aiwatch itself: choose another name")
    secret = sys.stdin.read().strip()
    if not secret:
        raise click.ClickException("there is nothing on standard input: pipe the secret into this command")
    try:
        give(OWN_SECRETS[consumer], share, name, secret)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    file = "catalogue/framework.yml" if consumer == "alertmanager" else "the process's file"
    click.echo(f"kept; name it in {file} as {name}")


@setup.command()
@shared.catalogue_folder_option
@secrets_option
@share_option
@click.option("--root", type=_FOLDER, required=True, envvar="AIWATCH_SETUP_ROOT", help="As in `aiwatch provision`.")
@click.option(
    "--publish",
    type=_FOLDER,
    envvar="AIWATCH_SETUP_PUBLISH",
    help="Folder for a copy of the catalogue, made once it is applied: the exporter's.",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    envvar="AIWATCH_SETUP_ENDPOINTS",
    help="As in `aiwatch provision`.",
)
@click.option("--elasticsearch", "url", required=True, envvar="AIWATCH_ELASTICSEARCH", help="URL of Elasticsearch.")
@click.option("--wait", "wait_seconds", default=300.0, show_default=True, help="Seconds to wait for Elasticsearch.")
@click.option("--prometheus", envvar="AIWATCH_SETUP_PROMETHEUS", help="URL of a Prometheus to reload if it runs.")
@click.option("--alertmanager", envvar="AIWATCH_SETUP_ALERTMANAGER", help="URL of an Alertmanager, likewise.")
@click.pass_context
def apply(
    context: click.Context,
    catalogue_folder: Path,
    secrets: Path,
    share: Path,
    root: Path,
    publish: Path | None,
    endpoints: tuple[str, ...],
    url: str,
    wait_seconds: float,
    prometheus: str | None,
    alertmanager: str | None,
) -> None:
    """Wait for Elasticsearch, provision it, hand out its API keys, and make running servers read what is new.

    Nothing is touched as long as the catalogue has errors.
    """
    catalogue = shared.read_catalogue(catalogue_folder)
    password = secrets / ELASTIC_PASSWORD
    _wait(shared.connect(url, None, None, basic_auth=("elastic", shared.read_secret(password))), url, wait_seconds)
    context.invoke(
        provision,
        catalogue=catalogue,
        root=root,
        endpoints=endpoints,
        format_="files",
        check=False,
        apply_=True,
        url=url,
        username="elastic",
        password_file=password,
        ca_certs=None,
        secrets=secrets,
        prometheus=None,
        alertmanager=None,
        grafana=None,
        grafana_token_file=None,
    )
    try:
        handed = hand_out(secrets, share)
        if publish is not None:
            files.write(_texts(catalogue_folder, publish.name), publish.parent, [publish.name])
    except (OSError, files.TreeError) as error:
        raise click.ClickException(str(error)) from None
    for change in handed:
        consumer, _, name = change.partition("/")
        click.echo(f"{name} is new: {consumer} reads it when it starts; if it runs, restart it")
    _reload("Alertmanager", alertmanager, reload_alertmanager)
    _reload("Prometheus", prometheus, reload_prometheus)


def _wait(client: Elasticsearch, url: str, seconds: float) -> None:
    """Return once Elasticsearch can store something."""
    until = time.monotonic() + seconds
    while True:
        try:
            client.cluster.health(wait_for_status="yellow", timeout="5s")
            return
        except AuthenticationException:
            raise click.ClickException(
                f"{url} refuses the password of the user elastic: was it started with other volumes?"
            ) from None
        except (ApiError, TransportError) as error:
            if time.monotonic() > until:
                raise click.ClickException(
                    f"{url} was not ready within {seconds:g} seconds: {error}; its log says why"
                ) from None
            time.sleep(1)


def _texts(folder: Path, name: str) -> dict[str, str]:
    """Return the files of the catalogue, as a tree below ``name``."""
    processes, baselines = (folder / PROCESSES_FOLDER).glob("*.yml"), (folder / BASELINES_FOLDER).glob("*.json")
    paths = [folder / FRAMEWORK_FILE, *sorted(processes), *sorted(baselines)]
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_text(encoding="utf-8")
        for path in paths
        if path.exists() and not path.name.startswith(".")
    }


def _reload(server: str, url: str | None, reload: Callable[[str], None]) -> None:
    """Make a server read its files again, unless it does not run yet."""
    if url is None:
        return
    try:
        requests.get(f"{url.rstrip('/')}/-/healthy", timeout=10)
    except requests.ConnectionError:
        click.echo(f"{server}: does not run; it reads its files when it starts")
        return
    try:
        reload(url)
    except ReloadError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{server}: reloaded")
