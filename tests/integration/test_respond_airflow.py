"""The adapter of Airflow, against a real Airflow 3, and against the published description of Airflow 2's API."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import yaml

from aiwatch.kinds.response import Airflow
from aiwatch.respond.adapters.airflow import AirflowDag
from aiwatch.respond.adapters.contract import AdapterError
from aiwatch.respond.policy import secrets_in
from tests.respond.adapters.receiver import Asked, receiver
from tests.respond.adapters.test_adapters import PAUSED, RESUMED
from tools.servers import run
from tools.servers.install import ensure_airflow_2_description

PASSWORD = "s3cret-pässword"
DAG = """
from datetime import datetime
from airflow.sdk import DAG

with DAG("retrain", start_date=datetime(2026, 1, 1), is_paused_upon_creation=False):
    pass
with DAG("idle", start_date=datetime(2026, 1, 1), is_paused_upon_creation=True):
    pass
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[run.Server]:
    """A server with a DAG that runs and one that is paused."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "retrain.py").write_text(DAG)
    with run.airflow(folder, PASSWORD) as server:
        yield server


def token(server: run.Server) -> str:
    login = {"username": "aiwatch", "password": PASSWORD}
    return str(requests.post(f"{server.url}/auth/token", json=login, timeout=10).json()["access_token"])


def is_paused(server: run.Server, dag: str) -> Any:
    headers = {"Authorization": f"Bearer {token(server)}"}
    return requests.get(f"{server.url}/api/v2/dags/{dag}", headers=headers, timeout=10).json()["is_paused"]


def dag(server: run.Server, folder: Path, password: str = PASSWORD, **changes: str) -> AirflowDag:
    (folder / "password").write_text(password)
    login = {"username": "aiwatch", "password_file": "password"}
    return AirflowDag(Airflow(**{"url": server.url, "dag": "retrain", **login, **changes}), secrets_in(folder))


def test_a_dag_is_paused_and_unpaused_however_often(airflow: run.Server, tmp_path: Path) -> None:
    adapter = dag(airflow, tmp_path)
    memo = adapter.look()
    assert not is_paused(airflow, "retrain")
    for _ in range(2):
        assert adapter.pause(PAUSED, memo) == "the DAG retrain is paused"
        assert is_paused(airflow, "retrain")
    for _ in range(2):
        assert adapter.resume(RESUMED, memo) == "the DAG retrain runs again"
        assert not is_paused(airflow, "retrain")


def test_a_dag_that_was_paused_before_stays_paused(airflow: run.Server, tmp_path: Path) -> None:
    adapter = dag(airflow, tmp_path, dag="idle")
    memo = adapter.look()
    adapter.pause(PAUSED, memo)
    assert adapter.resume(RESUMED, memo) == "the DAG idle stays paused, as it was before"
    assert is_paused(airflow, "idle")


def test_a_token_does_as_well_as_a_password(airflow: run.Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token(airflow))
    adapter = dag(airflow, tmp_path, username="", password_file="", token_file="token")
    assert adapter.look() == {"paused": "no"}


def test_what_airflow_refuses_is_told(airflow: run.Server, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"answered 401: .*[Ii]nvalid"):
        dag(airflow, tmp_path, password="other").look()
    with pytest.raises(AdapterError, match=r"answered 404: .*other"):
        dag(airflow, tmp_path, dag="other").look()


def test_airflow_2_is_asked_as_its_published_description_says(tmp_path: Path) -> None:
    description = yaml.safe_load(ensure_airflow_2_description().read_text())
    operations = description["paths"]["/dags/{dag_id}"]
    paused = False

    def reply(asked: Asked) -> tuple[int, Any]:
        nonlocal paused
        path, _, query = asked.path.partition("?")
        assert path == f"{description['servers'][0]['url']}/dags/retrain"
        operation = operations[asked.method.lower()]
        known = [resolve(description, parameter)["name"] for parameter in operation["parameters"]]
        assert {part.partition("=")[0] for part in query.split("&") if part} <= set(known)
        if "requestBody" in operation:
            schema = resolve(description, operation["requestBody"]["content"]["application/json"]["schema"])
            assert not any(schema["properties"][key].get("readOnly") for key in asked.json)
            jsonschema.validate(asked.json, {**schema, "components": description["components"]})
            paused = asked.json["is_paused"]
        assert asked.headers["authorization"] == "Basic " + b64encode(f"aiwatch:{PASSWORD}".encode()).decode()
        return 200, {"dag_id": "retrain", "is_paused": paused}

    assert description["components"]["securitySchemes"]["Basic"] == {"type": "http", "scheme": "basic"}
    with receiver(reply) as airflow_2:
        (tmp_path / "password").write_text(PASSWORD)
        login = {"username": "aiwatch", "password_file": "password"}
        settings = Airflow(url=airflow_2.url, dag="retrain", api="v1", **login)
        adapter = AirflowDag(settings, secrets_in(tmp_path))
        memo = adapter.look()
        adapter.pause(PAUSED, memo)
        assert (memo, adapter.look()) == ({"paused": "no"}, {"paused": "yes"})
        adapter.resume(RESUMED, memo)
        assert adapter.look() == {"paused": "no"}


def resolve(description: Any, node: Any) -> Any:
    """Return what a reference of the description leads to."""
    for part in node["$ref"].removeprefix("#/").split("/") if "$ref" in node else ():
        description = description[part]
    return description if "$ref" in node else node
