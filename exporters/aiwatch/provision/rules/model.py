"""Rules and groups of rules, and how they are written as a rule file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiwatch.provision.yaml_text import Block, yaml_text


@dataclass(frozen=True, slots=True)
class Recording:
    """A series computed by Prometheus. ``labels`` are added to what ``expr`` returns."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that somebody wants to hear about. Durations are as Prometheus writes them."""

    alert: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    for_: str = "0s"
    keep_firing_for: str = "0s"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other; ``interval`` is empty for the server's default."""

    name: str
    rules: Sequence[Recording | Alert]
    interval: str = ""


def render_groups(groups: Sequence[Group]) -> str:
    """Return the text of a rule file."""
    return yaml_text({"groups": [_group(group) for group in groups]})


def _group(group: Group) -> dict[str, Any]:
    head: dict[str, Any] = {"name": group.name}
    if group.interval:
        head["interval"] = group.interval
    return {**head, "rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Recording | Alert) -> dict[str, Any]:
    if isinstance(rule, Recording):
        recording: dict[str, Any] = {"record": rule.record, "expr": Block(rule.expr)}
        return {**recording, "labels": dict(sorted(rule.labels.items()))} if rule.labels else recording
    head: dict[str, Any] = {"alert": rule.alert, "expr": Block(rule.expr)}
    if rule.for_ != "0s":
        head["for"] = rule.for_
    if rule.keep_firing_for != "0s":
        head["keep_firing_for"] = rule.keep_firing_for
    return {**head, "labels": dict(sorted(rule.labels.items())), "annotations": dict(rule.annotations)}
