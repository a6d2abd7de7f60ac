import yaml

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.generators import alertmanager
from aiwatch.provision.yaml_text import HEADER


def config(**framework):
    tree = alertmanager.generate(Catalogue(Framework.model_validate(framework), ()))
    text = tree["prometheus/generated/alertmanager.yml"]
    assert text.startswith(HEADER)
    return yaml.safe_load(text)


def receiver(**way):
    made = config(secrets_dir="/secrets", receivers=[{"name": "somebody", **way}])["receivers"][-1]
    assert made.pop("name") == "somebody"
    [(kind, [settings])] = made.items()
    return kind, settings


def test_the_inbox_receives_with_a_token_from_a_file_when_nobody_else_is_named():
    [only] = config(secrets_dir="/secrets", endpoints={"responder": "http://127.0.0.1:18080/"})["receivers"]
    [webhook] = only["webhook_configs"]
    assert webhook["url"] == "http://127.0.0.1:18080/api/v1/notifications"
    assert webhook["http_config"] == {"authorization": {"credentials_file": "/secrets/responder-token"}}
    assert webhook["send_resolved"] is True


def test_routes_of_the_catalogue_follow_the_inbox_in_their_order_and_do_not_end_each_other():
    routes = config(
        receivers=[{"name": "a", "webhook": {"url": "http://a"}}, {"name": "b", "webhook": {"url": "http://b"}}],
        routes=[
            {"receiver": "b", "business_unit": "sales", "severity": ["critical", "warning"]},
            {"receiver": "a", "process": "bot"},
        ],
    )["route"]["routes"]
    watchdog, inbox, first, second = routes
    assert watchdog["matchers"] == ['alertname="Watchdog"']
    assert "continue" not in watchdog
    assert inbox["receiver"] == watchdog["receiver"] == "aiwatch-responder"
    assert first == {
        "matchers": ['business_unit="sales"', 'severity=~"critical|warning"'],
        "receiver": "b",
        "continue": True,
    }
    assert second == {"matchers": ['process="bot"'], "receiver": "a", "continue": True}
    assert inbox["continue"] is True


def test_slack_is_reached_by_a_url_from_a_file_and_told_where_to_read_on():
    kind, slack = receiver(slack={"channel": "#ai", "url_file": "slack-url"})
    assert kind == "slack_configs"
    assert (slack["channel"], slack["api_url_file"]) == ("#ai", "/secrets/slack-url")
    for annotation in ("summary", "description", "runbook_url", "dashboard_url"):
        assert f".Annotations.{annotation}" in slack["text"]


def test_pagerduty_takes_its_key_from_a_file_and_the_severity_from_the_alert():
    kind, pagerduty = receiver(pagerduty={"routing_key_file": "key"})
    assert (kind, pagerduty["routing_key_file"]) == ("pagerduty_configs", "/secrets/key")
    assert ".Labels.severity" in pagerduty["severity"]
    assert [link["text"] for link in pagerduty["links"]] == ["Report", "Runbook", "Dashboard"]


def test_mail_is_sent_with_a_password_from_a_file():
    kind, email = receiver(
        email={
            "to": "a@example.com",
            "sender": "b@example.com",
            "smarthost": "mail:587",
            "username": "me",
            "password_file": "pw",
        }
    )
    assert kind == "email_configs"
    assert (email["to"], email["from"], email["smarthost"]) == ("a@example.com", "b@example.com", "mail:587")
    assert (email["auth_username"], email["auth_password_file"]) == ("me", "/secrets/pw")
    assert email["require_tls"] is True


def test_mail_without_a_user_does_not_log_in():
    _, email = receiver(email={"to": "a@example.com", "sender": "b@example.com", "smarthost": "mail:25"})
    assert not {"auth_username", "auth_password_file"} & email.keys()


def test_a_secret_named_by_its_absolute_path_stays_there():
    _, webhook = receiver(webhook={"url": "https://x.example.com", "token_file": "/etc/token"})
    assert webhook["http_config"]["authorization"]["credentials_file"] == "/etc/token"


def test_a_webhook_without_a_token_sends_none():
    _, webhook = receiver(webhook={"url": "https://x.example.com"})
    assert "http_config" not in webhook


def test_alerts_of_a_process_are_inhibited_by_graver_ones_of_the_same_category_only():
    outage, critical, warning = config()["inhibit_rules"]
    assert outage["source_matchers"] == ['alertname="ExporterDown"']
    assert outage["target_matchers"] == ['alertname=~"TrafficAbsent|LogNotRead"']
    for rule in (critical, warning):
        assert rule["equal"] == ["process", "category"]
        assert 'process!=""' in rule["source_matchers"]  # ExporterDown does not silence the Watchdog
        assert 'process!=""' in rule["target_matchers"]
    assert critical["target_matchers"][0] == 'severity=~"warning|info"'
    assert warning["target_matchers"][0] == 'severity=~"info"'
