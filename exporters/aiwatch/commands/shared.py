"""Options that several commands have, and how they fail: one line that says what and where."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.serializer import JsonSerializer, NdjsonSerializer

from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.hints import did_you_mean
from aiwatch.kinds.options import parse_duration
from aiwatch.kinds.prediction import PredictionOptions

_FIRST_YEAR = 1970
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """A time in RFC 3339, or how long ago, as in 30d."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, in UTC unless it says otherwise."""
        if isinstance(value, datetime):
            return value
        try:
            if re.match(r"\d+(\.\d+)?[a-z]", value):
                return datetime.now(UTC) - timedelta(seconds=parse_duration(value))
            time = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r}: write a time such as 2026-03-01T00:00Z, or how long ago, such as 30d", param, ctx)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        if time.year < _FIRST_YEAR:
            self.fail(f"{value!r}: there was nothing to watch before {_FIRST_YEAR}", param, ctx)
        return time


class Address(click.ParamType[tuple[str, int]]):
    """Where something listens.

    >>> Address().convert("[::1]:9464", None, None)
    ('::1', 9464)
    """

    name = "host:port"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return host and port."""
        if isinstance(value, tuple):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r}: write host:port, such as 127.0.0.1:9464", param, ctx)
        return host.strip("[]"), int(port)


class FolderOfCatalogue(click.ParamType[Catalogue]):
    """A folder that is read as a catalogue; its errors are shown all at once."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Catalogue:
        """Read the catalogue."""
        if isinstance(value, Catalogue):
            return value
        return read_catalogue(Path(value))


def read_catalogue(folder: Path, without_baseline: str = "") -> Catalogue:
    """Return the catalogue in ``folder`` (see `load_catalogue`); when it has errors, show them all and exit."""
    try:
        return load_catalogue(folder, without_baseline)
    except CatalogueError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None


def find_model(folder: Path, name: str, *, without_baseline: bool = False) -> Process:
    """Return the process called ``name``, which predicts.

    :param without_baseline: do not look at its baseline, which may be the one to be mended.

    Raises:
        click.ClickException: there is none, or it does not predict.
    """
    catalogue = read_catalogue(folder, without_baseline=name if without_baseline else "")
    found = next((process for process in catalogue.processes if process.name == name), None)
    if found is None:
        hint = did_you_mean(name, [process.name for process in catalogue.processes])
        raise click.ClickException(f"no process is called {name!r}; {hint}")
    if not isinstance(found.options, PredictionOptions):
        raise click.ClickException(f"{name} is of kind {found.kind.name!r}: only models that predict have a baseline")
    return found


def catalogue_option(command: Decorated) -> Decorated:
    """Add ``--catalogue``."""
    return _catalogue_option(command, "catalogue", FolderOfCatalogue())


def catalogue_folder_option(command: Decorated) -> Decorated:
    """Add ``--catalogue`` for a command that needs the folder itself: the argument is ``catalogue_folder``."""
    return _catalogue_option(command, "catalogue_folder", click.Path(path_type=Path))


def _catalogue_option(command: Decorated, argument: str, type_: click.ParamType[Any]) -> Decorated:
    return click.option(
        "--catalogue",
        argument,
        type=type_,
        default="catalogue",
        show_default=True,
        envvar="AIWATCH_CATALOGUE",
        metavar="FOLDER",
        help="Folder of the catalogue.",
    )(command)


def state_option(command: Decorated) -> Decorated:
    """Add ``--state``."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        default="state",
        show_default=True,
        envvar="AIWATCH_STATE",
        help="Folder of the checkpoint and the dead letters.",
    )(command)


def elasticsearch_options(command: Decorated) -> Decorated:
    """Add ``--elasticsearch``, ``--api-key-file`` and ``--ca-certs``."""
    for option in (
        click.option(
            "--ca-certs",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            envvar="AIWATCH_CA_CERTS",
            help="Certificates to trust when Elasticsearch speaks https.",
        ),
        click.option(
            "--api-key-file",
            type=click.Path(dir_okay=False, path_type=Path),
            envvar="AIWATCH_API_KEY_FILE",
            help="File that holds the API key, base64-encoded as Elasticsearch returned it.",
        ),
        click.option("--elasticsearch", "url", envvar="AIWATCH_ELASTICSEARCH", help="URL of Elasticsearch."),
    ):
        command = option(command)
    return command


def listen_option(default: str, help: str) -> Callable[[Decorated], Decorated]:
    """Return what adds ``--listen``."""
    return click.option("--listen", type=Address(), default=default, show_default=True, help=help)


def responder_option(command: Decorated) -> Decorated:
    """Add ``--responder``."""
    return click.option(
        "--responder",
        default="http://127.0.0.1:8080",
        show_default=True,
        envvar="AIWATCH_RESPONDER",
        metavar="URL",
        help="URL of the responder (`aiwatch respond`).",
    )(command)


def relocated(catalogue: Catalogue, endpoints: Sequence[str]) -> Catalogue:
    """Return the catalogue with other addresses, each written NAME=URL.

    Raises:
        click.UsageError: one is written otherwise, or the catalogue knows no such address.
    """
    framework = catalogue.framework
    known = type(framework.endpoints).model_fields
    changes: dict[str, str] = {}
    for endpoint in endpoints:
        name, _, url = endpoint.partition("=")
        if name not in known or not url.startswith(("http://", "https://")):
            raise click.UsageError(f"--endpoint {endpoint}: write NAME=URL with one of {', '.join(known)}.")
        changes[name] = url.rstrip("/")
    moved = framework.endpoints.model_copy(update=changes)
    return replace(catalogue, framework=framework.model_copy(update={"endpoints": moved}))


def read_secret(path: Path) -> str:
    """Return a secret that stands in a file.

    Raises:
        click.ClickException: the file cannot be read or is empty.
    """
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise click.ClickException(
            f"cannot read the secret in {path}: {error.strerror}; `aiwatch provision --apply` makes it"
        ) from None
    if not secret:
        raise click.ClickException(f"{path} is empty; remove it and run `aiwatch provision --apply`")
    return secret


class FastJson(JsonSerializer):
    """JSON by msgspec: answers to bulk requests are long, and many."""

    def json_loads(self, data: str | bytes) -> Any:
        """Return what JSON says.

        Raises:
            ValueError: it is none, as the client expects to be told.
        """
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from None


class Pieces(NdjsonSerializer):
    """Pieces of a body that is NDJSON already go to the connection one by one, never copied into a whole."""

    def dumps(self, data: Any) -> Any:
        """Return pieces as they are, and whatever else in bytes."""
        return data if isinstance(data, tuple) else super().dumps(data)


def connect(url: str, api_key_file: Path | None, ca_certs: Path | None, **settings: Any) -> Elasticsearch:
    """Return a client that leaves retries to its caller."""
    if api_key_file is not None:
        settings["api_key"] = read_secret(api_key_file)
    if ca_certs is not None:
        settings["ca_certs"] = str(ca_certs)
    by_type = {each.mimetype: each for each in (FastJson(), Pieces())}
    try:
        return Elasticsearch(
            url, max_retries=0, retry_on_timeout=False, request_timeout=60, serializers=by_type, **settings
        )
    except ValueError as error:
        raise click.ClickException(f"--elasticsearch {url}: {error}") from None


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def log_to_stderr() -> None:
    """Write log lines of level INFO and above to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
