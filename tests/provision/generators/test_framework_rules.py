import yaml

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.provision.generators import framework_rules
from aiwatch.provision.yaml_text import HEADER

MODEL = {"name": "m", "title": "M", "kind": "regressor", "business_unit": "unit", "owner": "a@example.com"}


def rules(*processes):
    tree = framework_rules.generate(Catalogue(Framework(), processes))
    text = tree["prometheus/generated/rules/aiwatch.yml"]
    assert text.startswith(HEADER)
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_the_framework_alerts_exist_even_without_any_process():
    assert {rule["alert"] for rule in rules()} == {names.ALERT_WATCHDOG, names.ALERT_EXPORTER_DOWN}


def test_whether_drift_is_tested_and_answered_is_watched_where_there_is_a_model():
    there = {rule["alert"] for rule in rules(build_process(MODEL))}
    assert {names.ALERT_DRIFT_NOT_TESTED, names.ALERT_RESPONSE_NOT_DONE} <= there


def test_framework_alerts_lead_to_their_runbook_and_to_the_overview():
    for rule in rules(build_process(MODEL)):
        assert rule["annotations"]["runbook_url"] == f"http://localhost:8080/runbooks/{rule['alert']}"
        assert rule["annotations"]["dashboard_url"] == "http://localhost:3000/d/aiwatch-overview"
        assert set(rule["labels"]) == {"severity", "category"}
