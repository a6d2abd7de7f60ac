"""What is written for the Prometheus Operator, against the published definitions of its resources."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from aiwatch import names
from aiwatch.catalogue.load import load_catalogue
from aiwatch.cli import main
from aiwatch.provision.formats.operator import FOLDER, SECRET, generate
from aiwatch.provision.generators import generate_all

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "catalogue"
TESTBEDS = Path(os.environ.get("AIWATCH_TESTBEDS", ROOT.parent / "shared" / "testbeds"))
DEFINITIONS = {
    "PrometheusRule": "prometheusrule.crd.yaml",
    "ServiceMonitor": "servicemonitor.crd.yaml",
    "AlertmanagerConfig": "alertmanagerConfig.crd.yaml",
}
CONFIG_MAP_BYTES = 2**20


class Loader(yaml.CSafeLoader):
    """Reads `=` as text: YAML 1.1 gives it a meaning that Python does not know."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    tree = generate(load_catalogue(GOLDEN))
    return {path: yaml.safe_load(text) for path, text in tree.items()}


def of_kind(resources: Mapping[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources.values() if resource["kind"] == kind]


def strict(schema: Any) -> Any:
    """Return the schema with unknown fields forbidden, as `kubectl apply` does, and its patterns as Python's."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(held) for key, held in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    if isinstance(pattern := schema.get("pattern"), str) and "(?i)" in pattern:
        closed["pattern"] = "(?i)" + pattern.replace("(?i)", "")
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    return closed


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_each_resource_fits_the_published_definition(resources: dict[str, dict[str, Any]], kind: str) -> None:
    file = TESTBEDS / "schemas" / "operator" / DEFINITIONS[kind]
    if not file.exists():
        pytest.skip(
            f"NOT CHECKED against the operator's definitions: {file} is missing; AIWATCH_TESTBEDS names another"
        )
    definition = yaml.load(file.read_text(), Loader)
    found = of_kind(resources, kind)
    assert found
    for resource in found:
        group, version = resource["apiVersion"].split("/")
        assert group == definition["spec"]["group"]
        schemas = {each["name"]: each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"]}
        schema = schemas[version]
        schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
        jsonschema.validate(resource, strict(schema))


def test_every_rule_and_every_dashboard_is_there(resources: dict[str, dict[str, Any]]) -> None:
    files = generate_all(load_catalogue(GOLDEN))
    rules = [yaml.safe_load(text)["groups"] for path, text in files.items() if "/rules/" in path]
    assert sorted(map(str, rules)) == sorted(
        str(rule["spec"]["groups"]) for rule in of_kind(resources, "PrometheusRule")
    )
    pages = {Path(path).name: text for path, text in files.items() if "/dashboards/" in path}
    maps = {name: text for each in of_kind(resources, "ConfigMap") for name, text in each["data"].items()}
    assert {name: json.loads(text) for name, text in maps.items()} == {
        name: json.loads(text) for name, text in pages.items()
    }


def test_a_dashboard_fits_into_a_config_map(resources: dict[str, dict[str, Any]]) -> None:
    assert max(len(json.dumps(each)) for each in of_kind(resources, "ConfigMap")) < CONFIG_MAP_BYTES


def test_every_receiver_and_route_of_the_catalogue_is_there(resources: dict[str, dict[str, Any]]) -> None:
    files = generate_all(load_catalogue(GOLDEN))
    config = yaml.safe_load(files["prometheus/generated/alertmanager.yml"])
    (resource,) = of_kind(resources, "AlertmanagerConfig")
    spec = resource["spec"]
    assert [each["name"] for each in spec["receivers"]] == [each["name"] for each in config["receivers"]]
    assert len(spec["route"]["routes"]) == len(config["route"]["routes"])
    assert len(spec["inhibitRules"]) == len(config["inhibit_rules"])


def test_secrets_are_references_and_no_paths(resources: dict[str, dict[str, Any]]) -> None:
    (resource,) = of_kind(resources, "AlertmanagerConfig")
    text = json.dumps(resource)
    assert "/run/secrets" not in text
    assert "_file" not in text
    assert {"name": SECRET, "key": "slack-url"} in [
        each.get("apiURL") for receiver in resource["spec"]["receivers"] for each in receiver.get("slackConfigs", [])
    ]


def test_the_jobs_have_the_names_that_the_rules_look_for(resources: dict[str, dict[str, Any]]) -> None:
    jobs = {
        rule["replacement"]
        for monitor in of_kind(resources, "ServiceMonitor")
        for endpoint in monitor["spec"]["endpoints"]
        for rule in endpoint["relabelings"]
    }
    assert jobs == {names.JOB_EXPORTER, names.JOB_DRIFT, names.JOB_RESPONDER}


def test_names_are_those_that_kubernetes_allows(resources: dict[str, dict[str, Any]]) -> None:
    found = [resource["metadata"]["name"] for resource in resources.values()]
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in found), found


def test_the_command_writes_and_checks_its_own_folder_alone(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(
            main, ["provision", f"--catalogue={GOLDEN}", f"--root={tmp_path}", "--format=operator", *arguments]
        )

    assert run().exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {FOLDER.split("/")[0]}
    assert run("--check").exit_code == 0
    (tmp_path / FOLDER / "old.yml").write_text("")
    stale = run("--check")
    assert stale.exit_code == 1
    assert stale.output.rstrip().endswith("aiwatch provision --format operator")
    assert "kubectl" in run("--apply").output
