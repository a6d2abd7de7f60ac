"""Install the servers into the cache; a second call returns at once.

Everything comes from the ordinary package clients, which verify what they download.
"""

from pathlib import Path

from tools.servers import debian, jars, pypi
from tools.servers.commands import Say, require, say_to_stderr
from tools.servers.debian import ALERTMANAGER, PROMETHEUS
from tools.servers.pypi import AIRFLOW, AIRFLOW_2, MLFLOW


def ensure_all(*, say: Say = say_to_stderr) -> None:
    """Install what the demo needs and is not there yet, after a check for every tool that this needs.

    Raises:
        ServerError: tools are missing (all are named), or an installation failed.
    """
    require(jars.tools_to_install() | debian.tools_to_install(PROMETHEUS) | debian.tools_to_install(ALERTMANAGER))
    ensure_prometheus(say=say)
    ensure_alertmanager(say=say)
    ensure_elasticsearch(say=say)


def ensure_prometheus(*, say: Say = say_to_stderr) -> Path:
    """The folder with the programs ``prometheus`` and ``promtool``."""
    return debian.ensure(PROMETHEUS, say)


def ensure_alertmanager(*, say: Say = say_to_stderr) -> Path:
    """The folder with the programs ``alertmanager`` and ``amtool``."""
    return debian.ensure(ALERTMANAGER, say)


def ensure_elasticsearch(*, say: Say = say_to_stderr) -> Path:
    """The home folder of Elasticsearch, for `node.Elasticsearch`. It needs Java to run too."""
    return jars.ensure(say)


def ensure_mlflow(*, say: Say = say_to_stderr) -> Path:
    """The Python that runs MLflow, as ``python -m mlflow``."""
    return pypi.ensure(MLFLOW, say)


def ensure_airflow(*, say: Say = say_to_stderr) -> Path:
    """The Python that runs Airflow, as ``python -m airflow``."""
    return pypi.ensure(AIRFLOW, say)


def ensure_airflow_2_description(*, say: Say = say_to_stderr) -> Path:
    """The OpenAPI description of Airflow 2's stable REST API."""
    return pypi.ensure_member(AIRFLOW_2, "airflow/api_connexion/openapi/v1.yaml", say)
