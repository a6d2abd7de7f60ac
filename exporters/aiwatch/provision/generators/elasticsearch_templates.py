"""What Elasticsearch must know: index templates per family, the lifecycle, and what each API key may do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.kinds import KINDS
from aiwatch.kinds.base import Kind
from aiwatch.kinds.options import format_duration
from aiwatch.kinds.shared import KEYWORD
from aiwatch.provision.contracts import Tree

FOLDER = "elasticsearch/generated"
TEMPLATES = f"{FOLDER}/index_templates"
LIFECYCLE = f"{FOLDER}/lifecycle"
ROLES = f"{FOLDER}/roles"
POLICY = "aiwatch"
POLICY_DRIFT = f"{names.INDEX_PREFIX}{names.FAMILY_DRIFT}"
SINGLE_INDICES = (names.INDEX_NOTIFICATIONS, names.INDEX_RESPONSES)
"""What is one small index for ever; it is made when its template is."""

_PRIORITY = 200  # above what Elasticsearch brings along (100)
_MANAGED = {"managed_by": "aiwatch provision"}
_SETTINGS = {"number_of_shards": "1", "auto_expand_replicas": "0-1"}
_DATE = {"type": "date"}
_ADDRESS = {"type": "keyword", "index": False, "doc_values": False}
_TEXT = {"type": "text"}

COMMON_PROPERTIES: Mapping[str, Any] = {
    names.TIMESTAMP: _DATE,
    "type": KEYWORD,
    "id": KEYWORD,
    names.PROCESS: KEYWORD,
    names.LOG: {"type": "object", "enabled": False},
    names.ATTRIBUTES: {"type": "flattened", "ignore_above": 1024},
}
"""What every document of a process has, whatever its kind."""

NOTIFICATION_PROPERTIES: Mapping[str, Any] = {
    names.TIMESTAMP: _DATE,
    "id": KEYWORD,
    "status": KEYWORD,
    "current": {"type": "boolean"},
    "alertname": KEYWORD,
    names.PROCESS: KEYWORD,
    "severity": KEYWORD,
    "starts_at": _DATE,
    "ends_at": _DATE,
    "last_received_at": _DATE,
    "deliveries": {"type": "integer"},
    "fingerprint": KEYWORD,
    "receiver": KEYWORD,
    "group_key": KEYWORD,
    "labels": {"type": "flattened", "ignore_above": 1024},
    "annotations": {"type": "object", "enabled": False},
    "generator_url": _ADDRESS,
    "external_url": _ADDRESS,
}
"""What the responder stores of a notification."""

PROFILE_PROPERTIES: Mapping[str, Any] = {
    names.TIMESTAMP: _DATE,
    "end": _DATE,
    names.PROCESS: KEYWORD,
    names.MODEL_VERSION: KEYWORD,
    "baseline": KEYWORD,
    "part": KEYWORD,
    "rows": {"type": "long"},
}
"""What one looks for of the profile of an hour; what it holds is packed, and not searched."""

DRIFT_PROPERTIES: Mapping[str, Any] = {
    names.TIMESTAMP: _DATE,
    "id": KEYWORD,
    "end": _DATE,
    names.PROCESS: KEYWORD,
    names.MODEL_VERSION: KEYWORD,
    "baseline": KEYWORD,
    "rows": {"type": "long"},
    "state": KEYWORD,
    "findings": {
        "properties": {
            names.FEATURE: KEYWORD,
            "test": KEYWORD,
            "effect": {"type": "double"},
            "evidence": {"type": "double"},
            "drifted": {"type": "boolean"},
            "since": _DATE,
        }
    },
    "causes": {"properties": {"cause": KEYWORD, "kind": KEYWORD, "features": KEYWORD}},
    "text": _TEXT,
}
"""What one looks for of the result of a tested window."""

RESPONSE_PROPERTIES: Mapping[str, Any] = {
    names.TIMESTAMP: _DATE,
    names.PROCESS: KEYWORD,
    "number": {"type": "integer"},
    "case": {"type": "integer"},
    "event": KEYWORD,
    "alert_since": _DATE,
    "steps": KEYWORD,
    "pauses": {"type": "boolean"},
    "windows": {"properties": {"start": _DATE, "end": _DATE, names.MODEL_VERSION: KEYWORD}},
    names.STEP: KEYWORD,
    "action": KEYWORD,
    "memo": {"type": "object", "enabled": False},
    "detail": _TEXT,
    "by": KEYWORD,
    "reason": _TEXT,
    "release": {"type": "boolean"},
}
"""What the responder stores of a response."""


class MappingConflictError(Exception):
    """Two kinds want the same field of one family mapped differently."""


def generate(catalogue: Catalogue) -> Tree:
    """Return the index templates, the lifecycle policies and the role descriptors of the API keys as JSON files.

    Templates do not depend on the processes: a family's index fits every kind that writes to it.
    """
    kept = retentions(catalogue.framework)
    tree = {f"{LIFECYCLE}/{policy}.json": _json(_policy(retention)) for policy, retention in kept.items()}
    families = family_properties(KINDS)
    daily = {**families, names.FAMILY_PROFILES: PROFILE_PROPERTIES}
    templates = {f"{names.INDEX_PREFIX}{family}": _daily_template(family, daily[family]) for family in daily}
    templates |= {POLICY_DRIFT: _drift_template(), **_single_templates()}
    for name, template in templates.items():
        tree[f"{TEMPLATES}/{name}.json"] = _json(template)
    for role, descriptor in _roles(list(families)).items():
        tree[f"{ROLES}/{role}.json"] = _json(descriptor)
    return tree


def retentions(framework: Framework) -> dict[str, float]:
    """Return how long the indices of each lifecycle policy are kept, in seconds from the day in their name."""
    return {POLICY: framework.retention, POLICY_DRIFT: framework.drift_retention}


def family_properties(kinds: Sequence[Kind]) -> dict[str, dict[str, Any]]:
    """Return the mapped fields of each family: what is common to all, and what each of ``kinds`` adds.

    Raises:
        MappingConflictError: two kinds map one field of a family differently.
    """
    families: dict[str, dict[str, Any]] = {}
    origin: dict[tuple[str, str], str] = {}
    for kind in kinds:
        for record in kind.records:
            merged = families.setdefault(record.family, dict(COMMON_PROPERTIES))
            for field, mapping in record.properties.items():
                if merged.get(field, mapping) != mapping:
                    other = origin.get((record.family, field), "every document")
                    raise MappingConflictError(
                        f"family {record.family!r}: kind {kind.name!r} maps {field!r} as {mapping}, "
                        f"but {other} as {merged[field]}"
                    )
                merged[field] = mapping
                origin[record.family, field] = f"kind {kind.name!r}"
    return families


def _daily_template(family: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    pattern = f"{names.INDEX_PREFIX}{family}-*"
    return _template(pattern, f"One index for each day of {family}.", properties, _lifecycle(POLICY))


def _drift_template() -> dict[str, Any]:
    """A template for monthly indices: results are a few hundred a day at most, and kept for longer."""
    description = "What the test of each window of predictions found, and why: one index for each month."
    return _template(
        f"{names.INDEX_PREFIX}{names.FAMILY_DRIFT}-*", description, DRIFT_PROPERTIES, _lifecycle(POLICY_DRIFT)
    )


def _lifecycle(policy: str) -> dict[str, Any]:
    """Settings by which an index's age counts from the day in its name: from the event, not the arrival."""
    return {"lifecycle": {"name": policy, "parse_origination_date": "true"}}


def _single_templates() -> dict[str, dict[str, Any]]:
    """Return the template of each of SINGLE_INDICES."""
    what: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        names.INDEX_NOTIFICATIONS: ("What Alertmanager told the responder.", NOTIFICATION_PROPERTIES),
        names.INDEX_RESPONSES: ("What was done about drift, and by whom: only ever added to.", RESPONSE_PROPERTIES),
    }
    return {index: _template(index, *what[index], {}) for index in SINGLE_INDICES}


def _template(
    pattern: str, description: str, properties: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "index_patterns": [pattern],
        "priority": _PRIORITY,
        "template": {
            "settings": {"index": {**_SETTINGS, **settings}},
            "mappings": {"_meta": _MANAGED, "dynamic": False, "properties": properties},
        },
        "_meta": {**_MANAGED, "description": description},
    }


def _policy(retention: float) -> dict[str, Any]:
    """The lifecycle: an index is deleted once its day lies longer back than ``retention`` (seconds)."""
    delete = {"min_age": _age(retention), "actions": {"delete": {}}}
    return {"policy": {"_meta": _MANAGED, "phases": {"delete": delete}}}


def _age(seconds: float) -> str:
    """Return a duration as Elasticsearch reads it, which knows no weeks."""
    text = format_duration(seconds)
    return f"{int(text[:-1]) * 7}d" if text.endswith("w") else text


def _roles(families: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what the holder of each API key may do, and nothing else.

    The exporter creates documents, reads them back to tell a repeated event from an earlier delivery of the
    same line, updates an interaction when feedback on it comes, and rewrites the profiles of hours; of shared Kafka
    topics it keeps its state and the dead letters. The drift service reads profiles, and rewrites results while
    windows are tested again. Grafana reads what is shown, and asks for the server's version and health. The responder
    counts repeated notifications, only ever adds to its trail, and reads what the tests of drift found. Whoever makes a
    baseline of the past reads predictions.
    """
    written = [f"{names.INDEX_PREFIX}{family}-*" for family in families]
    updated = [f"{names.INDEX_PREFIX}{names.FAMILY_INTERACTIONS}-*"]
    profiles = [f"{names.INDEX_PREFIX}{names.FAMILY_PROFILES}-*"]
    drift = [f"{names.INDEX_PREFIX}{names.FAMILY_DRIFT}-*"]
    predictions = [f"{names.INDEX_PREFIX}{names.FAMILY_PREDICTIONS}-*"]
    shown = [*written, *drift, *SINGLE_INDICES]
    return {
        "exporter": _role(
            [],
            _on(written, "auto_configure", "create_doc", "read"),
            _on(updated, "index"),
            _on(profiles, "auto_configure", "index"),
            _on([names.INDEX_CHECKPOINTS], "create_index", "index", "read"),
            _on([names.INDEX_DEAD_LETTERS], "create_doc", "create_index", "read"),
        ),
        "baseline": _role([], _on(predictions, "read")),
        "drift": _role([], _on(profiles, "read"), _on(drift, "auto_configure", "delete", "index", "read")),
        "grafana": _role(["cluster:monitor/health", "cluster:monitor/main"], _on(shown, "read", "view_index_metadata")),
        "responder": _role(
            [],
            _on([names.INDEX_NOTIFICATIONS], "index", "read"),
            _on([names.INDEX_RESPONSES], "create_doc", "read"),
            _on(drift, "read"),
        ),
    }


def _role(cluster: Sequence[str], *indices: Mapping[str, Any]) -> dict[str, Any]:
    return {"cluster": list(cluster), "indices": list(indices)}


def _on(indices: Sequence[str], *privileges: str) -> dict[str, Any]:
    return {"names": sorted(indices), "privileges": list(privileges)}


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
