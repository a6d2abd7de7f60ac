"""Grafana, where an installation is found, with the data sources and dashboards of this project.

It is not part of what the demo installs, and this module was tried against a stand-in that records how it is called,
not against Grafana itself: no package of it can be had where the tests run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiwatch.provision.secret_files import ensure_token
from tools.servers.commands import ServerError
from tools.servers.process import LOOPBACK, Spec

ADMIN_PASSWORD = "grafana-admin-password"
_SECRET_KEY = "grafana-secret-key"  # with it Grafana encrypts what it stores; the built-in one is known to all
_PACKAGED_HOME = Path("/usr/share/grafana")
_DEFAULTS = Path("conf", "defaults.ini")  # what tells a home folder


@dataclass(frozen=True, slots=True)
class Installation:
    """A Grafana: its program, and the folder of its pages and defaults."""

    program: Path
    home: Path


def find(environment: Mapping[str, str] = os.environ) -> Installation | None:
    """Return the Grafana that ``GRAFANA_HOME`` names or that is on PATH; None when there is none.

    Raises:
        ServerError: something is there, but not all of it.
    """
    if home := environment.get("GRAFANA_HOME"):
        found = Installation(Path(home, "bin", "grafana").absolute(), Path(home).absolute())
        if not os.access(found.program, os.X_OK) or not (found.home / _DEFAULTS).is_file():
            raise ServerError(
                f"GRAFANA_HOME is {home}, which lacks bin/grafana or {_DEFAULTS}: "
                "name the folder that Grafana was unpacked into, or unset it"
            )
        return found
    program = shutil.which("grafana", path=environment.get("PATH"))
    if program is None:
        return None
    for folder in (Path(program).resolve().parents[1], _PACKAGED_HOME):
        if (folder / _DEFAULTS).is_file():
            return Installation(Path(program).absolute(), folder)
    raise ServerError(f"{program} is there, but not its folder with {_DEFAULTS}: set GRAFANA_HOME to that folder")


@dataclass(frozen=True, slots=True)
class Sources:
    """The addresses of what the dashboards ask."""

    prometheus: str
    alertmanager: str
    elasticsearch: str


def spec(found: Installation, port: int, work: Path, secrets: Path, provisioning: Path, sources: Sources) -> Spec:
    """Return how Grafana runs on ``port``; the password of its user ``admin`` is made if there is none.

    Args:
        found: what to run.
        port: on loopback.
        work: for its data and its log.
        secrets: folder that holds Grafana's API key of Elasticsearch, and receives the password.
        provisioning: a copy of ``grafana/provisioning``, with ``generated/dashboards`` beside it.
        sources: what the data sources point to.
    """
    for name in (ADMIN_PASSWORD, _SECRET_KEY):
        ensure_token(secrets, name)
    settings = {
        "GF_SERVER_HTTP_ADDR": LOOPBACK,
        "GF_SERVER_DOMAIN": LOOPBACK,
        "GF_PATHS_DATA": work / "data",
        "GF_PATHS_LOGS": work / "logs",
        "GF_PATHS_PLUGINS": work / "plugins",
        "GF_PATHS_PROVISIONING": provisioning,
        "GF_SECURITY_ADMIN_PASSWORD": _from_file(secrets / ADMIN_PASSWORD),
        "GF_SECURITY_SECRET_KEY": _from_file(secrets / _SECRET_KEY),
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",  # the dashboards need none, and the start no network
        "PROMETHEUS_URL": sources.prometheus,
        "ALERTMANAGER_URL": sources.alertmanager,
        "ELASTICSEARCH_URL": sources.elasticsearch,
        "ELASTICSEARCH_API_KEY": _from_file(secrets / "grafana-api-key"),
    }
    environment = [f"{name}={value}" for name, value in settings.items()]

    def command(port: int) -> list[str | Path]:
        return [
            "env",
            *environment,
            f"GF_SERVER_HTTP_PORT={port}",
            found.program,
            "server",
            f"--homepath={found.home}",
        ]

    return Spec("Grafana", command, work / "grafana.log", "/api/health", timeout=120, port=port)


def _from_file(path: Path) -> str:
    """Return Grafana's way to say that a value stands in a file, so that no secret is in its environment."""
    return f"$__file{{{path.absolute()}}}"
