"""The JSON Schemas agree with the loader: what it takes they take, and what they refuse it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from aiwatch.catalogue.load import CatalogueError, load_catalogue
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.kinds import KINDS
from aiwatch.provision.generators.json_schemas import FRAMEWORK, PROCESS, generate

TREE = generate(Catalogue(Framework(), ()))
SCHEMAS = {path: json.loads(text) for path, text in TREE.items()}
EXAMPLES = Path(__file__).parents[3] / "catalogue"
SHORTEST = {"name": "bot", "title": "Bot", "kind": "chat", "business_unit": "sales", "owner": "a@example.com"}
SLO = {"name": "a", "indicator": "errors", "objective": 0.9}

BROKEN: list[dict[str, Any]] = [
    {"kind": "chatt"},
    {"name": "Bot"},
    {"title": ""},
    {"tier": 4},
    {"colour": "red"},
    {"features": {}},
    {"kpis": "quick"},
    {"redact": ["mail"]},
    {"currency": "euro"},
    {"failure_modes": [{"title": "x"}]},
    {"failure_modes": [{"title": "x", "alert": "ModelFeaturesMissing"}]},
    {"alerts": {"decision_rate_changed": {}}},
    {"alerts": {"confidence_low": {"treshold": 0.5}}},
    {"alerts": {"confidence_low": {"threshold": 70}}},
    {"alerts": {"confidence_low": {"for": 300}}},
    {"alerts": {"confidence_low": {"for": "5 minutes"}}},
    {"alerts": {"confidence_low": {"severity": "warn"}}},
    {"slos": [{**SLO, "objective": 99}]},
    {"slos": [{**SLO, "threshold": "2s"}]},
    {"slos": [{**SLO, "indicator": "latency"}]},
    {"logs": [{}]},
    {"logs": [{"source": "kafka"}]},
    {"logs": [{"source": "kafka", "path": "a", "topic": "t"}]},
    {"logs": [{"source": "http", "path": "a"}]},
    {"logs": [{"topic": "t"}]},
    {"logs": [{"path": "a", "record": "prediction"}]},
    {"logs": [{"path": "a", "fields": {"time": "t", "confidenc": "c"}}]},
    {"logs": [{"path": "a", "fields": {"time": {"field": "t", "unit": "days"}}}]},
    {"logs": [{"path": "a", "when": {"a": "b", "c": "d"}}]},
]
MODEL = {"kind": "regressor"}
AIRFLOW = {"url": "http://airflow:8080", "dag": "retrain"}
BROKEN += [
    {"response": {}},
    {**MODEL, "response": {"pause": True}},
    {**MODEL, "response": {"gate": {"fail": "half-open"}}},
    {**MODEL, "response": {"adapters": [{}]}},
    {**MODEL, "response": {"adapters": [{"kubeflow": {}}]}},
    {**MODEL, "response": {"adapters": [{"airflow": {"dag": "retrain"}}]}},
    {**MODEL, "response": {"adapters": [{"airflow": AIRFLOW, "mlflow": {"url": "http://m", "model": "a"}}]}},
    {**MODEL, "response": {"adapters": [{"webhook": {"url": "ftp://example.com", "secret_file": "a"}}]}},
]
FITTING: list[dict[str, Any]] = [
    {},
    {"logs": [{"path": "a"}]},
    {"logs": [{"source": "kafka", "topic": "chats"}]},
    {"logs": [{"source": "http"}]},
    {"logs": [{"path": "a", "fields": {"time": "t", "confidence": {"field": "c.d", "unit": "percent"}}}]},
    {"logs": [{"path": "a", "record": "ignore", "when": {"type": "debug"}}]},
    {"slos": [{**SLO, "indicator": "latency", "threshold": "1m30s"}]},
    {"alerts": {"confidence_low": {"enabled": False}}, "intents": ["a"], "currency": "EUR"},
    {"kind": "classifier", "features": {"amount": {"type": "numeric", "min": 0}}, "decisions": ["yes"]},
    {"kind": "regressor", "value_bounds": [1, 2.5]},
    {**MODEL, "response": {"pause_retraining": False, "gate": {"fail": "open"}, "adapters": [{"airflow": AIRFLOW}]}},
]
BROKEN_FRAMEWORKS: list[dict[str, Any]] = [
    {"retention": 90},
    {"colour": "red"},
    {"receivers": [{"name": "a"}]},
    {"receivers": [{"name": "a", "slack": {"channel": "x", "url_file": "y"}, "webhook": {"url": "https://e.com"}}]},
    {"receivers": [{"name": "a", "webhook": {"url": "ftp://e.com"}}]},
    {"routes": [{"receiver": "a", "severity": ["high"]}]},
]


def errors(path: str, data: Any) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMAS[path]).iter_errors(data)]


def load(tmp_path: Path, data: dict[str, Any], framework: dict[str, Any]) -> Catalogue:
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / f"{data['name'].lower()}.yml").write_text(yaml.safe_dump(data))
    (tmp_path / "framework.yml").write_text(yaml.safe_dump(framework))
    return load_catalogue(tmp_path)


@pytest.mark.parametrize("path", SCHEMAS)
def test_a_schema_is_itself_valid(path: str) -> None:
    Draft7Validator.check_schema(SCHEMAS[path])


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.yml")), ids=lambda file: file.stem)
def test_every_example_fits_and_names_its_schema(file: Path) -> None:
    text = file.read_text()
    schema = FRAMEWORK if file.stem == "framework" else PROCESS
    assert errors(schema, yaml.safe_load(text)) == []
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / named).resolve() == (EXAMPLES.parent / schema).resolve()


@pytest.mark.parametrize("change", FITTING, ids=str)
def test_what_fits_the_schema_is_loaded(tmp_path: Path, change: dict[str, Any]) -> None:
    data = {**SHORTEST, **change}
    assert errors(PROCESS, data) == []
    assert load(tmp_path, data, {}).processes


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_what_the_schema_refuses_the_loader_refuses(tmp_path: Path, change: dict[str, Any]) -> None:
    data = {**SHORTEST, **change}
    assert errors(PROCESS, data)
    with pytest.raises(CatalogueError):
        load(tmp_path, data, {})


@pytest.mark.parametrize("key", SHORTEST)
def test_a_file_without_a_required_key_is_refused(key: str) -> None:
    assert errors(PROCESS, {name: value for name, value in SHORTEST.items() if name != key})


@pytest.mark.parametrize("framework", BROKEN_FRAMEWORKS, ids=str)
def test_a_broken_framework_is_refused_by_both(tmp_path: Path, framework: dict[str, Any]) -> None:
    assert errors(FRAMEWORK, framework)
    with pytest.raises(CatalogueError):
        load(tmp_path, dict(SHORTEST), framework)


def test_there_is_a_branch_for_each_kind() -> None:
    branches = [branch["if"]["properties"]["kind"]["const"] for branch in SCHEMAS[PROCESS]["allOf"]]
    assert branches == [kind.name for kind in KINDS]


def test_every_settings_object_says_what_it_is() -> None:
    described = {name for name, schema in SCHEMAS[PROCESS]["$defs"].items() if schema.get("description")}
    assert set(SCHEMAS[PROCESS]["$defs"]) - described == {"FieldKey"}


def test_defaults_are_given_as_they_are_written() -> None:
    for default in _defaults(SCHEMAS):
        assert not isinstance(default, dict)
    retention = SCHEMAS[FRAMEWORK]["properties"]["retention"]
    assert retention["default"] == "90d"


def _defaults(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if "default" in node:
            yield node["default"]
        for value in node.values():
            yield from _defaults(value)
    elif isinstance(node, list):
        for value in node:
            yield from _defaults(value)
