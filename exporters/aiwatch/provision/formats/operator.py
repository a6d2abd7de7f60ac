"""For the Prometheus Operator on Kubernetes: what the files say, as custom resources and config maps.

Secrets stay out: a file of the catalogue's `secrets_dir` becomes the key of that name in the secret `SECRET`.
Custom resources: https://prometheus-operator.dev/docs/api-reference/api/
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from aiwatch import names
from aiwatch.catalogue.model import Catalogue
from aiwatch.provision.contracts import Tree
from aiwatch.provision.generators import generate_all
from aiwatch.provision.yaml_text import Block, yaml_text

FOLDER = "kubernetes/generated"
OWNED = (FOLDER,)
"""What holds these resources and nothing else."""
SECRET = "aiwatch-alertmanager"
_RULES = PurePosixPath("prometheus/generated/rules")
_DASHBOARDS = PurePosixPath("grafana/generated/dashboards")
_ALERTMANAGER = "prometheus/generated/alertmanager.yml"
_LABELS = {"app.kubernetes.io/part-of": "aiwatch", "app.kubernetes.io/managed-by": "aiwatch-provision"}
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')
_SPECIAL = {"require_tls": "requireTLS", "links": "pagerDutyLinkConfigs"}
_PAIRS = ("details", "headers")


def generate(catalogue: Catalogue) -> Tree:
    """Return a `PrometheusRule` per file of rules, a config map per dashboard, the routes, and what to scrape."""
    files = generate_all(catalogue)
    resources = [*_rules(files), *_dashboards(files), _routes(files[_ALERTMANAGER]), *_monitors()]
    return {
        f"{FOLDER}/{resource['kind'].lower()}-{resource['metadata']['name']}.yml": yaml_text(_blocks(resource))
        for resource in resources
    }


def _resource(version: str, kind: str, name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": {**_LABELS, **(labels or {})}}}


def _rules(files: Tree) -> Iterator[dict[str, Any]]:
    for path, text in sorted(files.items()):
        pure = PurePosixPath(path)
        if pure.parent == _RULES:
            name = pure.stem if pure.stem == "aiwatch" else f"aiwatch-{pure.stem}"
            resource = _resource("monitoring.coreos.com/v1", "PrometheusRule", name)
            yield {**resource, "spec": {"groups": yaml.safe_load(text)["groups"]}}


def _dashboards(files: Tree) -> Iterator[dict[str, Any]]:
    """Yield config maps that the sidecar of Grafana's chart finds by their label."""
    for path, text in sorted(files.items()):
        pure = PurePosixPath(path)
        if pure.parent == _DASHBOARDS:
            resource = _resource("v1", "ConfigMap", f"{pure.stem}-dashboard", {"grafana_dashboard": "1"})
            yield {**resource, "data": {pure.name: text}}


def _monitors() -> Iterator[dict[str, Any]]:
    """Yield what to scrape; the rules look for the jobs by name, whatever the services are called."""
    for job in (names.JOB_EXPORTER, names.JOB_DRIFT, names.JOB_RESPONDER):
        resource = _resource("monitoring.coreos.com/v1", "ServiceMonitor", job)
        spec = {
            "selector": {"matchLabels": {"app.kubernetes.io/name": job}},
            "endpoints": [
                {
                    "port": "http",
                    "interval": "15s",
                    "relabelings": [{"action": "replace", "targetLabel": "job", "replacement": job}],
                }
            ],
        }
        yield {**resource, "spec": spec}


def _routes(text: str) -> dict[str, Any]:
    config = yaml.safe_load(text)
    spec = {
        "route": _route(config["route"]),
        "inhibitRules": [_inhibition(rule) for rule in config["inhibit_rules"]],
        "receivers": [_converted(receiver) for receiver in config["receivers"]],
    }
    return {**_resource("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig", "aiwatch"), "spec": spec}


def _route(route: Mapping[str, Any]) -> dict[str, Any]:
    matchers = {"matchers": _matchers(route["matchers"])} if "matchers" in route else {}
    routes = {"routes": [_route(below) for below in route["routes"]]} if "routes" in route else {}
    rest = {_camel(key): value for key, value in route.items() if key not in ("matchers", "routes")}
    return {**rest, **matchers, **routes}


def _inhibition(rule: Mapping[str, Any]) -> dict[str, Any]:
    equal = {"equal": rule["equal"]} if "equal" in rule else {}
    source, target = (_matchers(rule[f"{side}_matchers"]) for side in ("source", "target"))
    return {"sourceMatch": source, "targetMatch": target, **equal}


def _matchers(texts: list[str]) -> list[dict[str, str]]:
    found = []
    for text in texts:
        match = _MATCHER.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no matcher")
        found.append({"name": match[1], "matchType": match[2], "value": match[3]})
    return found


def _converted(value: Any) -> Any:
    """Return a part of Alertmanager's configuration as the operator wants it; secret files become references."""
    if isinstance(value, list):
        return [_converted(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    converted: dict[str, Any] = {}
    for key, held in value.items():
        if key.endswith("_file"):
            name = posixpath.basename(held)
            converted[_camel(key.removesuffix("_file"))] = {"name": SECRET, "key": name}
        elif key in _PAIRS:
            converted[key] = [{"key": name, "value": each} for name, each in held.items()]
        elif key == "links":
            converted[_camel(key)] = [{"href": each["href"], "alt": each["text"]} for each in held]
        else:
            converted[_camel(key)] = _converted(held)
    return converted


def _camel(key: str) -> str:
    """Return the operator's name of a setting.

    >>> [_camel(key) for key in ("send_resolved", "api_url", "require_tls")]
    ['sendResolved', 'apiURL', 'requireTLS']
    """
    first, *rest = key.split("_")
    return _SPECIAL.get(key) or first + "".join("URL" if part == "url" else part.capitalize() for part in rest)


def _blocks(value: Any) -> Any:
    """Return ``value`` with its texts of several lines as literal blocks."""
    if isinstance(value, Mapping):
        return {key: _blocks(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_blocks(each) for each in value]
    return Block(value) if isinstance(value, str) and "\n" in value else value
