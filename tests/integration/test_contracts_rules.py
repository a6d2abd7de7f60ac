"""Every generated rule in the real Prometheus of the demo: evaluated without error, and about data that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.contracts.alert_operands import operands
from tests.contracts.prometheus_answers import ask, has_number, instant, unanswered
from tools.demo.stack import Stack

# Groups are evaluated every two minutes at most, some of them upon others.
PATIENCE_SECONDS = 270.0

# Parts of alerts that have no answer in a demo that began a minute ago and in which all is well, and why.
EMPTY: Mapping[str, str] = {
    'absent(up{job="aiwatch-drift"})': "the drift service is there",
    'absent(up{job="aiwatch-exporter"})': "the exporter is there",
    'absent(up{job="aiwatch-responder"})': "the responder is there",
    'ai_drift_cause_info{cause="concept",process="card-fraud"} == bool 1': "a feed broke, and fraud is what it was",
    'ai_drift_cause_info{cause="concept",process="partner-fraud"} == bool 1': "buyers moved, and fraud is what it was",
    'ai_process_info{process="card-fraud"} offset 1h': "the exporter itself has not run for an hour",
    'ai_process_info{process="partner-fraud"} offset 1h': "the exporter itself has not run for an hour",
    'ai_process_info{process="support-chatbot"} offset 1h': "the exporter itself has not run for an hour",
}
SOMETIMES: Mapping[str, str] = {
    'min by (process, feature) (ai_drift_expected_seconds{process="card-fraud"}) < bool 604800': (
        "a forecast is there only while a feature moves steadily, which chance decides in a few days"
    ),
    'min by (process, feature) (ai_drift_expected_seconds{process="partner-fraud"}) < bool 604800': (
        "likewise; the feature that does move steadily has drifted already"
    ),
}
"""What may be there or not, by nature."""


def rules(demo: Stack, type_: str) -> list[dict[str, Any]]:
    """Return the rules of a type as Prometheus holds them, each with the name of its group."""
    groups = ask(demo.prometheus.url, "rules")["groups"]
    return [{**rule, "group": group["name"]} for group in groups for rule in group["rules"] if rule["type"] == type_]


def alert_parts(demo: Stack) -> Iterator[tuple[str, str]]:
    for rule in rules(demo, "alerting"):
        for part in operands(rule["query"]):
            yield f"{rule['group']}: {rule['name']}", " ".join(part.split())


def recorded(demo: Stack, rule: Mapping[str, Any]) -> bool:
    """Tell whether every series that the rule's expression has now is recorded under the rule's name."""
    url = demo.prometheus.url
    made = instant(url, rule["query"])
    if not has_number(made):
        return False
    for series in made:
        labels = {**series["metric"], **rule.get("labels", {})}
        labels.pop("__name__", None)
        matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
        if not instant(url, f"{rule['name']}{{{matchers}}}"):
            return False
    return True


def test_every_group_of_rules_is_healthy(demo: Stack) -> None:
    def unhealthy() -> list[str]:
        return [
            f"{group['name']}: {rule['name']}: {rule['health']} {rule.get('lastError', '')}"
            for group in ask(demo.prometheus.url, "rules")["groups"]
            for rule in group["rules"]
            if rule["health"] != "ok"
        ]

    def broken() -> list[str]:
        return [line for line in unhealthy() if ": err" in line]

    unanswered(["health"], lambda _: not unhealthy() or bool(broken()), PATIENCE_SECONDS)
    assert unhealthy() == []


def test_every_recording_rule_yields_samples(demo: Stack) -> None:
    every = rules(demo, "recording")
    assert len(every) > 40
    left = unanswered(every, lambda rule: recorded(demo, rule), PATIENCE_SECONDS)
    assert not left, "\n".join(f"{rule['group']}: {rule['name']}{rule.get('labels', '')}" for rule in left)


def test_every_part_of_every_alert_is_about_data_that_is_there(demo: Stack) -> None:
    asked = [(where, part) for where, part in alert_parts(demo) if part not in EMPTY and part not in SOMETIMES]
    assert len(asked) > 40
    left = unanswered(asked, lambda question: bool(instant(demo.prometheus.url, question[1])), PATIENCE_SECONDS)
    assert not left, "\n".join(f"{where}: {part}" for where, part in left)


@pytest.mark.parametrize("part", EMPTY)
def test_nothing_is_called_empty_that_is_not(demo: Stack, part: str) -> None:
    assert part in {each for _, each in alert_parts(demo)}, "no alert has this part any more"
    assert instant(demo.prometheus.url, part) == []
