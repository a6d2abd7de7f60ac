"""Bring an Elasticsearch server to what the generated files say: lifecycle, templates, mappings, API keys.

Documents are deleted by whole indices of a day, or of a month. Where the server has index lifecycle management (ILM),
it does so by the generated policies, counting from the day in the index's name. A server without ILM (one built from
the published jars) gets the same templates without the lifecycle settings, and `delete_expired` does the same by the
same rule, each time that this is applied. Both look at the event's day alone, so that a replay neither
prolongs nor shortens anybody's retention.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from aiwatch import names
from aiwatch.provision.apply.api_keys import ensure_key
from aiwatch.provision.apply.mappings import contains, plain, type_conflicts
from aiwatch.provision.contracts import Tree
from aiwatch.provision.generators.elasticsearch_templates import LIFECYCLE, ROLES, SINGLE_INDICES, TEMPLATES
from aiwatch.provision.secret_files import RESPONDER_TOKEN, ensure_token

_NO_HANDLER = (400, 404, 405)
_TRIAL_PRIORITY = 1_000_000_000  # a trial may not collide with the template that it is to replace
_AT_ONCE = 50  # index names in one address


class ApplyError(Exception):
    """Something could not be applied; the message says what was applied, what failed, and what was left out."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, one sentence each; ``changed`` leaves out what was right already."""

    steps: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to do; ``run`` returns whether anything changed."""

    title: str
    run: Callable[[], bool]


@dataclass(slots=True)
class _Plan:
    """What there is to do, in order, and what stands against doing any of it."""

    steps: list[_Step] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    def add(self, title: str, run: Callable[[], bool]) -> None:
        self.steps.append(_Step(title, run))


def apply(client: Elasticsearch, tree: Tree, secrets: Path, kept: Mapping[str, float], today: date) -> Applied:
    """Apply the Elasticsearch part of ``tree``; a second time changes nothing.

    Everything is looked at before anything is written: files, server, and the mappings of existing indices.

    Args:
        client: of a user who may manage templates, lifecycle, indices and API keys.
        tree: generated files; those outside of ``elasticsearch/generated`` are passed over.
        secrets: the folder of secret files, where API keys and the responder's token go.
        kept: how long the indices of each lifecycle policy are kept, in seconds.
        today: the present day in UTC, from which they count back where the server has no ILM.

    Raises:
        ApplyError: a file or a mapping does not fit, or the server refused; the message says how far it came.
    """
    try:
        plan = _plan(client, tree, secrets, kept, today)
    except (ApiError, TransportError) as error:
        raise ApplyError(f"Elasticsearch: {_said(error)}; nothing was applied") from error
    if plan.conflicts:
        raise ApplyError("\n".join([*plan.conflicts, "nothing was applied to Elasticsearch"]))
    done: list[str] = []
    changed: list[str] = []
    for index, step in enumerate(plan.steps):
        try:
            if step.run():
                changed.append(step.title)
        except (ApiError, TransportError, OSError) as error:
            left = [each.title for each in plan.steps[index + 1 :]]
            raise ApplyError(
                f"Elasticsearch: {step.title}: {_said(error)}\n"
                f"applied: {', '.join(done) or 'nothing'}\nnot applied: {', '.join([step.title, *left])}"
            ) from error
        done.append(step.title)
    return Applied(tuple(done), tuple(changed))


def has_lifecycle_management(client: Elasticsearch) -> bool:
    """Tell whether the server knows index lifecycle management at all."""
    try:
        client.ilm.get_status()
    except ApiError as error:
        if error.status_code in _NO_HANDLER:
            return False
        raise
    return True


def delete_expired(client: Elasticsearch, family: str, retention: float, today: date) -> list[str]:
    """Delete the indices of ``family`` whose name's day began ``retention`` ago or earlier; return their names.

    Args:
        client: of a user who may list and delete the indices.
        family: as in ``aiwatch-<family>-<yyyy.MM.dd>``.
        retention: in seconds, counted from the beginning of an index's day, as ILM does.
        today: the present day, in UTC.
    """
    prefix = f"{names.INDEX_PREFIX}{family}-"
    now = datetime.combine(today, time())
    expired = []
    for index in _indices(client, f"{prefix}*"):
        try:
            day = datetime.strptime(index.removeprefix(prefix), "%Y.%m.%d")
        except ValueError:
            continue  # not one of ours: it stays
        if day + timedelta(seconds=retention) <= now:
            expired.append(index)
    for start in range(0, len(expired), _AT_ONCE):
        client.indices.delete(index=expired[start : start + _AT_ONCE], ignore_unavailable=True)
    return expired


def _plan(client: Elasticsearch, tree: Tree, secrets: Path, kept: Mapping[str, float], today: date) -> _Plan:
    plan = _Plan()
    policies, templates, roles = (dict(_files(tree, folder)) for folder in (LIFECYCLE, TEMPLATES, ROLES))
    managed = has_lifecycle_management(client)
    for name, policy in policies.items() if managed else ():
        plan.add(f"lifecycle policy {name}", partial(_put_policy, client, name, policy))
    for name, template in templates.items():
        body = template if managed else _without_lifecycle(template)
        client.indices.simulate_template(**{**body, "priority": _TRIAL_PRIORITY})
        plan.add(f"index template {name}", partial(_put_template, client, name, body))
        for pattern in body["index_patterns"]:
            _plan_mappings(client, pattern, body["template"]["mappings"]["properties"], plan)
    for index in SINGLE_INDICES:
        if index in templates:
            plan.add(f"index {index}", partial(_create_index, client, index))
    for name, template in templates.items() if not managed else ():
        if lifecycle := template["template"]["settings"]["index"].get("lifecycle"):
            family, retention = name.removeprefix(names.INDEX_PREFIX), kept[lifecycle["name"]]
            plan.add(f"expired indices of {family}", partial(_delete_expired, client, family, retention, today))
    for role, descriptor in roles.items():
        plan.add(f"API key of {role}", partial(ensure_key, client, secrets, role, descriptor))
    plan.add(f"secret {RESPONDER_TOKEN}", partial(ensure_token, secrets))
    return plan


def _delete_expired(client: Elasticsearch, family: str, retention: float, today: date) -> bool:
    return bool(delete_expired(client, family, retention, today))


def _files(tree: Tree, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, text in sorted(tree.items()):
        if PurePosixPath(path).parent == PurePosixPath(folder):
            try:
                yield PurePosixPath(path).stem, json.loads(text)
            except ValueError as error:
                raise ApplyError(f"{path} is not JSON ({error}); run: aiwatch provision") from error


def _without_lifecycle(template: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(dict(template))
    body["template"]["settings"]["index"].pop("lifecycle", None)
    return body


def _put_policy(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> bool:
    held = client.options(ignore_status=404).ilm.get_lifecycle(name=name).body.get(name, {})
    wanted = body["policy"]
    if held.get("policy", {}).get("_meta") == wanted["_meta"] and contains(held["policy"], wanted):
        return False
    client.ilm.put_lifecycle(name=name, policy=wanted)
    return True


def _put_template(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> bool:
    held = client.options(ignore_status=404).indices.get_index_template(name=name).body.get("index_templates", [])
    if held and plain(held[0]["index_template"]) == {**plain(body), "composed_of": []}:
        return False
    client.indices.put_index_template(name=name, **body)
    return True


def _create_index(client: Elasticsearch, index: str) -> bool:
    if client.indices.exists(index=index):
        return False
    client.indices.create(index=index)
    return True


def _plan_mappings(client: Elasticsearch, pattern: str, wanted: Mapping[str, Any], plan: _Plan) -> None:
    """Plan to add to existing indices what the template maps and they do not; note what they map as another type."""
    held = client.indices.get_mapping(index=pattern, allow_no_indices=True, ignore_unavailable=True)
    behind = []
    for index, answer in sorted(held.body.items()):
        properties = answer["mappings"].get("properties", {})
        for path, is_type, type_ in type_conflicts(properties, wanted):
            plan.conflicts.append(
                f"Elasticsearch: index {index} maps {path} as {is_type}, the template as {type_}; Elasticsearch "
                f"cannot change that: delete the index, or reindex it under another name"
            )
        if not contains(properties, wanted):
            behind.append(index)
    for start in range(0, len(behind), _AT_ONCE):
        part = behind[start : start + _AT_ONCE]
        plan.add(f"mappings of {', '.join(part)}", partial(_put_mapping, client, part, wanted))


def _put_mapping(client: Elasticsearch, indices: Sequence[str], properties: Mapping[str, Any]) -> bool:
    client.indices.put_mapping(index=list(indices), properties=properties)
    return True


def _indices(client: Elasticsearch, pattern: str) -> list[str]:
    held = client.indices.get(index=pattern, features="aliases", allow_no_indices=True, ignore_unavailable=True)
    return sorted(held.body)


def _said(error: Exception) -> str:
    """Return what the server answered, in one line and without the request (which may hold secrets)."""
    if isinstance(error, ApiError):
        body = error.body if isinstance(error.body, Mapping) else {}
        said = body.get("error", error.message)
        causes = [said.get("reason")] if isinstance(said, Mapping) else [said]
        cause = said.get("caused_by") if isinstance(said, Mapping) else None
        while isinstance(cause, Mapping):
            causes.append(cause.get("reason"))
            cause = cause.get("caused_by")
        return f"the server answered {error.status_code}: {': '.join(str(each) for each in causes if each)}"
    if isinstance(error, TransportError):
        return f"{type(error).__name__}: {error.message}"
    return str(error)
