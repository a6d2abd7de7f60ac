"""Every series that a rule asks for is one that the exporter exposes, Prometheus makes, or another rule records."""

import re

import pytest

from aiwatch import names
from aiwatch.catalogue.model import Framework, build_process
from aiwatch.kinds import KINDS, drift
from aiwatch.provision.rules.alerts import alerts
from aiwatch.provision.rules.recordings import recordings
from aiwatch.provision.rules.slos import slo_groups

KEYWORDS = {"and", "or", "unless", "offset", "by", "without", "on", "ignoring", "group_left", "bool"}
SELF = {
    value: {names.PROCESS, names.REASON, names.RECORD}
    for constant, value in vars(names).items()
    if constant.isupper() and isinstance(value, str) and value.startswith("aiwatch_")
}


def series_in(expr: str) -> list[tuple[str, set[str]]]:
    """Return each series that an expression selects, with the labels that it matches on."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    text = re.sub(r"\[[^\]]*\]|\boffset \w+", " ", text)
    found = re.findall(r"([a-zA-Z_:][\w:]*)\s*(\(|\{[^}]*\})?", text)
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!=|=)", rest)))
        for name, rest in found
        if rest != "(" and name not in KEYWORDS
    ]


def exposed_by(kind) -> dict[str, set[str]]:
    exposed = {names.PROCESS_INFO: {names.PROCESS}, **SELF}
    for metric in (*kind.metrics, *drift.METRICS):
        if metric.type == "histogram":
            for suffix in ("_bucket", "_sum", "_count"):
                exposed[metric.name + suffix] = {*metric.labels, "le"}
        else:
            exposed[metric.name] = set(metric.labels)
    return exposed


def test_series_are_found_in_an_expression():
    expr = 'sum by (process) (rate(a_total{process="x", b=~"or"}[5m] offset 1w)) / on (process) slo:b:c > 0.5'
    assert series_in(expr) == [("a_total", {"process", "b"}), ("slo:b:c", set())]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_rule_asks_for_series_and_labels_that_exist(kind):
    process = build_process(
        {"name": "p", "title": "P", "kind": kind.name, "business_unit": "unit", "owner": "a@example.com"}
    )
    objectives = [rule for group in slo_groups(Framework(), process) for rule in group.rules]
    rules = [*recordings(process), *alerts(Framework(), process), *objectives]
    recorded = {rule.record for rule in rules if hasattr(rule, "record")}
    exposed = exposed_by(kind)
    for rule in rules:
        for series, labels in series_in(rule.expr):
            assert series in exposed or series in recorded, (
                f"nobody makes {series}, which is asked for by:\n{rule.expr}"
            )
            assert series in recorded or labels <= exposed[series], f"{series} lacks one of {labels}"
