"""Prometheus's and Alertmanager's own tools on what is generated from a small catalogue."""

import re
from pathlib import Path

import pytest
import yaml

from aiwatch import names
from aiwatch.kinds import KINDS

HERE = Path(__file__).parent
RULE_TESTS = sorted(file.name for file in HERE.glob("*.yml") if file.name != "catalogue.yml")
ALERTS = sorted({name for kind in KINDS for name in kind.options().alerts.settings()} | set(names.FRAMEWORK_ALERTS))


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_shown_firing_and_silent(alert):
    cases = yaml.safe_load((HERE / f"{alert}.yml").read_text(encoding="utf-8"))["tests"]
    asked = [check for case in cases for check in case.get("alert_rule_test", ())]
    assert all(check["alertname"] == alert for check in asked)
    assert any(check["exp_alerts"] for check in asked), f"{alert}.yml never shows it firing"
    silent = any(not check["exp_alerts"] for check in asked)
    assert silent or alert == names.ALERT_WATCHDOG, f"{alert}.yml never shows it silent"


@pytest.mark.parametrize("file", RULE_TESTS)
def test_rules_do_what_their_test_file_says(file, promtool, project):
    result = promtool("test", "rules", project / "tests" / file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_promtool_accepts_every_generated_rule_without_a_complaint(promtool, project):
    rules = sorted((project / "prometheus/generated/rules").glob("*.yml"))
    assert [file.stem for file in rules] == ["aiwatch", "bot", "demand", "fraud"]
    result = promtool("check", "rules", "--lint=all", "--lint-fatal", *rules)
    assert result.returncode == 0, result.stdout + result.stderr


def test_promtool_accepts_the_whole_configuration(promtool, project):
    result = promtool("check", "config", project / "prometheus/prometheus.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 rule files found" in result.stdout


def test_prometheus_scrapes_the_jobs_that_rules_ask_for_from_files_that_exist(project):
    folder = project / "prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert {names.JOB_EXPORTER, names.JOB_DRIFT, names.JOB_RESPONDER} <= jobs.keys()
    sources = [*jobs.values(), *config["alerting"]["alertmanagers"]]
    files = {file for source in sources for sd in source["file_sd_configs"] for file in sd["files"]}
    assert files == {f"targets/{file.name}" for file in (folder / "targets").iterdir()}


def test_amtool_accepts_the_generated_configuration(amtool, project):
    result = amtool("check-config", project / "prometheus/generated/alertmanager.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "5 receivers" in result.stdout


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (
            "alertname=ChatConfidenceLow process=bot business_unit=service severity=warning",
            "aiwatch-responder,support-slack,archive",
        ),
        (
            "alertname=ErrorRateHigh process=bot business_unit=service severity=critical",
            "aiwatch-responder,support-slack,oncall,archive",
        ),
        (
            "alertname=ModelFeaturesMissing process=fraud business_unit=payments severity=warning",
            "aiwatch-responder,risk-mail,archive",
        ),
        (
            "alertname=ErrorRateHigh process=fraud business_unit=payments severity=critical",
            "aiwatch-responder,oncall,risk-mail,archive",
        ),
        ("alertname=ExporterDown severity=critical", "aiwatch-responder,oncall,archive"),
        ("alertname=RecordsRejected process=demand severity=info", "aiwatch-responder,archive"),
        ("alertname=Watchdog severity=info", "aiwatch-responder"),
    ],
)
def test_an_alert_reaches_the_inbox_and_everybody_whose_route_matches(labels, receivers, amtool, project):
    config = project / "prometheus/generated/alertmanager.yml"
    result = amtool("config", "routes", "test", f"--config.file={config}", *labels.split())
    assert result.stdout.strip() == receivers, result.stderr


def test_no_expected_text_is_an_error_message_of_a_template():
    written = "\n".join((HERE / file).read_text(encoding="utf-8") for file in RULE_TESTS)
    assert not re.search(r"error expanding template|<no value>|\bNaN%|Inf%", written)
