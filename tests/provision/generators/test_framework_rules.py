import yaml

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.generators import framework_rules
from aiwatch.provision.yaml_text import HEADER


def rules():
    tree = framework_rules.generate(Catalogue(Framework(), ()))
    text = tree["prometheus/generated/rules/aiwatch.yml"]
    assert text.startswith(HEADER)
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_the_framework_alerts_exist_even_without_any_process():
    expected = set(names.FRAMEWORK_ALERTS) - {names.ALERT_SLO_BURN}  # that one belongs to processes
    assert {rule["alert"] for rule in rules()} == expected


def test_framework_alerts_lead_to_their_runbook_and_to_the_overview():
    for rule in rules():
        assert rule["annotations"]["runbook_url"] == f"http://localhost:8080/runbooks/{rule['alert']}"
        assert rule["annotations"]["dashboard_url"] == "http://localhost:3000/d/aiwatch-overview"
        assert set(rule["labels"]) == {"severity", "category"}
