"""Push the generated dashboards into a Grafana that does not read the files itself, by its HTTP API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from niquests.exceptions import RequestException

from aiwatch.provision.contracts import Tree
from aiwatch.provision.grafana_panels.page import FOLDER

FOLDER_UID = "aiwatch"
FOLDER_TITLE = "aiwatch"
TIMEOUT_SECONDS = 30.0


class GrafanaError(Exception):
    """Grafana did not take a folder or a dashboard; the message says which, why, and what to do."""


def push_dashboards(tree: Tree, url: str, token: str) -> int:
    """Create or replace every dashboard of ``tree`` in the folder `aiwatch`, and return how many those were.

    Args:
        tree: everything that was generated; only the dashboards are looked at.
        url: where Grafana is reached, with the path that it is served under, if any.
        token: of a service account with the role Editor, or of one that may write this folder.

    Raises:
        GrafanaError: at the first thing that Grafana refuses, or when it does not answer.
    """
    grafana: Any = GrafanaApi.from_url(f"{url.rstrip('/')}/", credential=token, timeout=TIMEOUT_SECONDS)
    pages = {path: text for path, text in sorted(tree.items()) if str(PurePosixPath(path).parent) == FOLDER}
    with _explained(f"the folder {FOLDER_TITLE!r}", url):
        _ensure_folder(grafana)
    for path, text in pages.items():
        with _explained(f"the dashboard {path}", url):
            grafana.dashboard.update_dashboard(
                {
                    "dashboard": {**json.loads(text), "id": None},
                    "folderUid": FOLDER_UID,
                    "overwrite": True,
                    "message": "aiwatch provision",
                }
            )
    return len(pages)


def _ensure_folder(grafana: Any) -> None:
    try:
        grafana.folder.get_folder(FOLDER_UID)
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)


@contextmanager
def _explained(what: str, url: str) -> Iterator[None]:
    try:
        yield
    except GrafanaUnauthorizedError:
        raise GrafanaError(
            f"{url} does not know the token: make one for a service account (Administration, Users and access)"
        ) from None
    except GrafanaException as error:
        hint = ": give the token's service account the role Editor" if error.status_code == 403 else ""
        raise GrafanaError(f"{url} did not take {what}: {error}{hint}") from error
    except RequestException as error:
        raise GrafanaError(f"{url} does not answer ({error}): is it Grafana's address, and is it running?") from error
