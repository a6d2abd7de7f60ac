"""The adapter of MLflow, against a real MLflow server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from aiwatch.kinds.response import Mlflow
from aiwatch.respond.adapters.contract import AdapterError
from aiwatch.respond.adapters.mlflow import ALIAS, TAG, MlflowRegistry
from aiwatch.respond.policy import secrets_in
from tests.respond.adapters.test_adapters import PAUSED, RESUMED
from tools.servers import run


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[run.Server]:
    """A server whose registry holds a model of two versions; the second is the champion."""
    with run.mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        ask(server, "POST", "registered-models/create", {"name": "fraud"})
        for _ in range(2):
            ask(server, "POST", "model-versions/create", {"name": "fraud", "source": "s3://models/fraud"})
        ask(server, "POST", "registered-models/alias", {"name": "fraud", "alias": "champion", "version": "2"})
        yield server


def ask(server: run.Server, method: str, path: str, json: Any = None) -> Any:
    answer = requests.request(method, f"{server.url}/api/2.0/mlflow/{path}", json=json, timeout=10)
    answer.raise_for_status()
    return answer.json()


def state(server: run.Server) -> tuple[dict[str, str], dict[str, str]]:
    """The model's aliases, and the tags of version 2."""
    model = ask(server, "GET", "registered-models/get?name=fraud")["registered_model"]
    version = ask(server, "GET", "model-versions/get?name=fraud&version=2")["model_version"]
    aliases = {each["alias"]: each["version"] for each in model.get("aliases", [])}
    return aliases, {each["key"]: each["value"] for each in version.get("tags", [])}


def registry(server: run.Server, **changes: str) -> MlflowRegistry:
    return MlflowRegistry(Mlflow(**{"url": server.url, "model": "fraud", **changes}), secrets_in(Path()))


def test_the_version_in_use_is_marked_and_unmarked_however_often(mlflow: run.Server) -> None:
    adapter = registry(mlflow)
    before = state(mlflow)
    memo = adapter.look()
    assert memo == {"version": "2"}
    for _ in range(2):
        adapter.pause(PAUSED, memo)
        assert state(mlflow) == ({"champion": "2", ALIAS: "2"}, {TAG: f"required: {PAUSED.url}"})
    for _ in range(2):
        adapter.resume(RESUMED, memo)
        assert state(mlflow) == before


def test_the_version_that_was_marked_is_unmarked_after_another_one_became_champion(mlflow: run.Server) -> None:
    adapter = registry(mlflow)
    memo = adapter.look()
    adapter.pause(PAUSED, memo)
    ask(mlflow, "POST", "registered-models/alias", {"name": "fraud", "alias": "champion", "version": "1"})
    try:
        adapter.resume(RESUMED, memo)
        assert state(mlflow) == ({"champion": "1"}, {})
    finally:
        ask(mlflow, "POST", "registered-models/alias", {"name": "fraud", "alias": "champion", "version": "2"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"model": "other"}, "Model with name=other not found"), ({"alias": "other"}, "alias other not found")],
)
def test_a_model_or_an_alias_that_is_not_there_is_named(mlflow: run.Server, changes: dict[str, str], said: str) -> None:
    with pytest.raises(AdapterError, match=said):
        registry(mlflow, **changes).look()
