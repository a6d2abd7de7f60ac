import re

import pytest

from aiwatch import names
from aiwatch.catalogue.model import Framework, build_process
from aiwatch.kinds import KINDS
from aiwatch.kinds.options import AlertSettings
from aiwatch.provision.rules.alerts import BUILDERS, alerts
from aiwatch.provision.rules.promql import selector
from aiwatch.provision.rules.slos import slo_groups

CATEGORIES = {"system_health", "model_performance", "business_impact", "fairness"}


def process(kind="chat", **more):
    return build_process(
        {"name": "bot", "title": "Bot", "kind": kind, "business_unit": "service", "owner": "a@example.com", **more}
    )


def settings_of(kind) -> list[AlertSettings]:
    return list(kind.options().alerts.settings().values())


def test_every_alert_that_a_kind_can_be_told_about_has_a_builder():
    known = {type(settings) for kind in KINDS for settings in settings_of(kind)}
    assert set(BUILDERS) == known


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_enabled_alert_becomes_a_rule(kind):
    made = alerts(Framework(), process(kind.name))
    assert list(dict.fromkeys(rule.alert for rule in made)) == [settings.alert for settings in settings_of(kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_alert_says_whose_it_is_and_where_to_read_on(kind):
    framework = Framework.model_validate(
        {"endpoints": {"grafana": "https://grafana.example.com/", "inbox": "https://inbox.example.com"}}
    )
    bot = process(kind.name)
    burning = [rule for group in slo_groups(framework, bot) for rule in group.rules if hasattr(rule, "alert")]
    assert burning
    for rule in [*alerts(framework, bot), *burning]:
        assert rule.labels["process"] == "bot"
        assert rule.labels["business_unit"] == "service"
        assert rule.labels["severity"] in {"critical", "warning", "info"}
        assert rule.labels["category"] in CATEGORIES
        assert rule.annotations["summary"].startswith("Bot: ")
        assert "{{" not in rule.annotations["summary"]
        assert "{{ $value | humanize" in rule.annotations["description"]
        assert rule.annotations["owner"] == "a@example.com"
        assert rule.annotations["runbook_url"] == f"https://inbox.example.com/runbooks/{rule.alert}"
        assert rule.annotations["dashboard_url"] == "https://grafana.example.com/d/aiwatch-bot"


def test_no_label_of_an_alert_carries_a_value():
    for kind in KINDS:
        for rule in alerts(Framework(), process(kind.name)):
            assert not any("{{" in value for value in rule.labels.values())


def test_a_disabled_alert_is_not_written():
    bot = process(alerts={"confidence_low": {"enabled": False}})
    assert "ChatConfidenceLow" not in [rule.alert for rule in alerts(Framework(), bot)]


def test_settings_of_the_process_reach_its_rules():
    bot = process(
        alerts={
            "confidence_low": {"threshold": 0.55, "min_interactions": 7, "severity": "info", "for": "2m"},
            "fallback_rate_high": {"window": "30m"},
        }
    )
    rules = {rule.alert: rule for rule in alerts(Framework(), bot)}
    confidence = rules["ChatConfidenceLow"]
    assert confidence.expr.endswith(">= 7)\n< 0.55")
    assert (confidence.labels["severity"], confidence.for_) == ("info", "2m")
    assert "55%" in confidence.annotations["description"]
    assert "[30m]" in rules["ChatFallbackRateHigh"].expr


def test_braces_in_a_title_stay_what_they_are():
    bot = build_process(
        {"name": "bot", "title": "{{ evil }}", "kind": "chat", "business_unit": "service", "owner": "{{ me }}"}
    )
    for rule in alerts(Framework(), bot):
        assert rule.annotations["summary"].startswith('{{"{{"}} evil }}: ')
        assert rule.annotations["owner"] == '{{"{{"}} me }}'


def test_an_alert_looks_at_its_own_process_only():
    for kind in KINDS:
        for rule in alerts(Framework(), process(kind.name)):
            for matchers in re.findall(r"\{(.*?)\}", rule.expr):
                assert selector("", process="bot").strip("{}") in matchers, rule.expr


def test_names_of_alerts_are_camel_case():
    every = {settings.alert for kind in KINDS for settings in settings_of(kind)} | set(names.FRAMEWORK_ALERTS)
    assert all(re.fullmatch(r"([A-Z][a-z]+|SLO)+", name) for name in every)
