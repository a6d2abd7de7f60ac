"""JSON Schemas of the catalogue's two files, by which editors complete and check while one types.

They say what a single value may be; `aiwatch provision` checks more (see `aiwatch.catalogue.checks`).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework, ProcessFile
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Kind
from aiwatch.kinds.options import KindOptions, format_duration
from aiwatch.provision.contracts import Tree

PROCESS = "docs/schema/process.json"
FRAMEWORK = "docs/schema/framework.json"

_DRAFT = "http://json-schema.org/draft-07/schema#"  # what editors understand best
_IGNORE = "ignore"


def generate(catalogue: Catalogue) -> Tree:
    """Return both schemas; they depend on the kinds that aiwatch knows and not on the catalogue."""
    return {PROCESS: _json(process_schema()), FRAMEWORK: _json(framework_schema())}


def framework_schema() -> dict[str, Any]:
    """Return the schema of ``catalogue/framework.yml``."""
    definitions: dict[str, Any] = {}
    schema = _model_schema(Framework, definitions)
    _exactly_one_of(definitions["Receiver"], "name")
    return {"$schema": _DRAFT, "title": "aiwatch framework", **schema, "$defs": definitions}


def process_schema() -> dict[str, Any]:
    """Return the schema of ``catalogue/processes/<name>.yml``; the key ``kind`` decides which options there are."""
    definitions: dict[str, Any] = {}
    schema = _model_schema(ProcessFile, definitions)
    # Which keys there are is up to the kind, below; so is what a log may say.
    schema.pop("additionalProperties")
    schema["properties"]["kind"] = {"enum": [kind.name for kind in KINDS], "description": "What sort of process it is."}
    log = definitions["Log"]
    log["required"].remove("record")
    log["anyOf"] = [_log_from("jsonl", "path"), _log_from("kafka", "topic"), _log_from("http"), _log_from("stdin")]
    definitions["FieldKey"] = {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/FieldSource"}]}
    fields = {"type": "object", "additionalProperties": {"$ref": "#/$defs/FieldKey"}}
    log["properties"]["fields"] = fields
    schema["allOf"] = []
    for kind in KINDS:
        definitions[f"kind-{kind.name}"] = _kind_schema(kind, definitions)
        condition = {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]}
        schema["allOf"].append({"if": condition, "then": {"$ref": f"#/$defs/kind-{kind.name}"}})
    _exactly_one_of(definitions["Adapter"])
    slo = definitions["Slo"]
    latency = {"properties": {"indicator": {"const": "latency"}}}
    slo.update({"if": latency, "then": {"required": ["threshold"]}, "else": {"properties": {"threshold": False}}})
    return {"$schema": _DRAFT, "title": "aiwatch process", **schema, "$defs": definitions}


def _exactly_one_of(definition: dict[str, Any], *others: str) -> None:
    """Let what is defined have exactly one of its keys besides ``others``."""
    ways = sorted(definition["properties"].keys() - set(others))
    definition["oneOf"] = [{"required": [way]} for way in ways]


def _log_from(source: str, place: str = "") -> dict[str, Any]:
    """Return what a log from this source says of where its lines are: one key, or none."""
    keys = {key: {"minLength": 1} if key == place else {"maxLength": 0} for key in ("path", "topic")}
    required = [*([place] if place else []), *([] if source == "jsonl" else ["source"])]
    return {"properties": {"source": {"const": source}, **keys}, "required": required}


def _kind_schema(kind: Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return what holds for a process of ``kind``: its options, its alerts, its records and their fields."""
    schema = _model_schema(kind.options, definitions)
    alerts = [alert.alert for alert in _alerts(kind.options)]
    fields = sorted({field.name for record in kind.records for field in msgspec.structs.fields(record.struct)})
    records = [*(record.name for record in kind.records), _IGNORE]
    log = {"properties": {"record": {"enum": records}, "fields": {"propertyNames": {"enum": fields}}}}
    mode = {"properties": {"alert": {"enum": sorted([*alerts, *names.FRAMEWORK_ALERTS])}}}
    general = {name: True for name in ProcessFile.model_fields}
    properties = {**general, "logs": {"items": log}, "failure_modes": {"items": mode}, **schema["properties"]}
    return {**schema, "properties": properties, "additionalProperties": False}


def _alerts(options: type[KindOptions]) -> list[Any]:
    settings = options.model_fields["alerts"].annotation
    return [info.annotation for info in getattr(settings, "model_fields", {}).values()]


def _model_schema(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of ``model``, and add those of the models that it consists of to ``definitions``.

    Raises:
        ValueError: two different models bear one name.
    """
    schema: dict[str, Any] = _tidy(model.model_json_schema())
    for name, definition in schema.pop("$defs", {}).items():
        if definitions.setdefault(name, definition) != definition:
            raise ValueError(f"two different models are called {name}")
    return schema


def _tidy(node: Any) -> Any:
    """Drop the titles that pydantic makes of names, and write defaults as they are written in YAML."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    tidy = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "description" and isinstance(value, str):
            tidy[key] = inspect.cleandoc(value).replace("``", "`")
        elif key == "default":
            default = _default(node, value)
            if default is not None:
                tidy[key] = default
        else:
            tidy[key] = _tidy(value)
    return tidy


def _default(node: Mapping[str, Any], value: Any) -> Any:
    """Return a default that an editor may offer: a duration as text; none for whole settings objects."""
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        return None
    is_duration = node.get("type") == "string" and isinstance(value, int | float)
    return format_duration(value) if is_duration else value


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
