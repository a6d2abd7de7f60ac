"""Who is told about which alert: Alertmanager's configuration.

Every notification goes to the responder's inbox; then every route of the catalogue that matches adds its receiver.
Secrets are named by file and never written here.
"""

from __future__ import annotations

import posixpath
from typing import Any

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Email, Framework, PagerDuty, Receiver, Route, Slack, Webhook
from aiwatch.kinds import options
from aiwatch.provision import alert_labels
from aiwatch.provision.contracts import Tree
from aiwatch.provision.secret_files import RESPONDER_TOKEN
from aiwatch.provision.yaml_text import Block, yaml_text

_FIRST = "(index (or .Alerts.Firing .Alerts) 0)"  # in a group that fires, others may be resolved
_TITLE = (
    '[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] '
    f"{{{{ {_FIRST}.Annotations.summary }}}}"
)
_TEXT = """\
{{ range .Alerts }}
*{{ .Annotations.summary }}* ({{ .Labels.severity }}{{ if eq .Status "resolved" }}, resolved{{ end }})
{{ .Annotations.description }}
{{ with .Annotations.report_url }}<{{ . }}|Report> · {{ end }}<{{ .Annotations.runbook_url }}|Runbook> · \
<{{ .Annotations.dashboard_url }}|Dashboard>
{{ end }}"""
_PLAIN = """\
{{ range .Alerts }}
{{ .Annotations.summary }} ({{ .Labels.severity }}{{ if eq .Status "resolved" }}, resolved{{ end }})
{{ .Annotations.description }}
{{ with .Annotations.report_url }}Report: {{ . }}
{{ end }}Runbook: {{ .Annotations.runbook_url }}
Dashboard: {{ .Annotations.dashboard_url }}
{{ end }}"""
_HTML = """\
{{ range .Alerts }}
<h3>{{ .Annotations.summary }} ({{ .Labels.severity }}{{ if eq .Status "resolved" }}, resolved{{ end }})</h3>
<p>{{ .Annotations.description }}</p>
<p>{{ with .Annotations.report_url }}<a href="{{ . }}">Report</a> · {{ end }}\
<a href="{{ .Annotations.runbook_url }}">Runbook</a> · <a href="{{ .Annotations.dashboard_url }}">Dashboard</a></p>
{{ end }}"""


def generate(catalogue: Catalogue) -> Tree:
    """Return ``prometheus/generated/alertmanager.yml``."""
    framework = catalogue.framework
    config = {
        "route": {
            "receiver": names.RECEIVER_RESPONDER,
            "group_by": ["alertname", names.PROCESS],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [_watchdog(), _everything(), *(_route(route) for route in framework.routes)],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [_responder(framework), *(_receiver(framework, one) for one in framework.receivers)],
    }
    return {"prometheus/generated/alertmanager.yml": yaml_text(config)}


def _watchdog() -> dict[str, Any]:
    """Return the route of the alert that always fires: to the inbox often, to people never."""
    return {
        "matchers": [_is("alertname", names.ALERT_WATCHDOG)],
        "receiver": names.RECEIVER_RESPONDER,
        "group_wait": "0s",
        "repeat_interval": "5m",
    }


def _everything() -> dict[str, Any]:
    """Return the route of everything else to the inbox, quicker than people want it."""
    return {"receiver": names.RECEIVER_RESPONDER, "group_wait": "5s", "group_interval": "1m", "continue": True}


def _route(route: Route) -> dict[str, Any]:
    conditions = [
        *([_is(alert_labels.BUSINESS_UNIT, route.business_unit)] if route.business_unit else []),
        *([_is(names.PROCESS, route.process)] if route.process else []),
        *([f'{alert_labels.SEVERITY}=~"{"|".join(route.severity)}"'] if route.severity else []),
    ]
    matchers = {"matchers": conditions} if conditions else {}
    return {**matchers, "receiver": route.receiver, "continue": True}


def _is(label: str, value: str) -> str:
    return f'{label}="{value}"'


def _inhibitions() -> list[dict[str, Any]]:
    """Return what silences what.

    Of one process, within one category, only the most severe alerts are told: what is slow because it fails need
    not be told twice, but failing requests do not hide unfair ones. Alerts without a process do not take part.
    """
    graver = [
        {
            "source_matchers": [f'severity="{source}"', f'{names.PROCESS}!=""'],
            "target_matchers": [f'severity=~"{targets}"', f'{names.PROCESS}!=""'],
            "equal": [names.PROCESS, alert_labels.CATEGORY],
        }
        for source, targets in (("critical", "warning|info"), ("warning", "info"))
    ]
    unread = "|".join([options.TrafficAbsent.alert, options.LogNotRead.alert])
    return [
        {
            "source_matchers": [_is("alertname", names.ALERT_EXPORTER_DOWN)],
            "target_matchers": [f'alertname=~"{unread}"'],
        },
        *graver,
    ]


def _responder(framework: Framework) -> dict[str, Any]:
    url = f"{framework.endpoints.responder.rstrip('/')}/api/v1/notifications"
    return {
        "name": names.RECEIVER_RESPONDER,
        "webhook_configs": [_webhook(framework, Webhook(url=url, token_file=RESPONDER_TOKEN))],
    }


def _receiver(framework: Framework, receiver: Receiver) -> dict[str, Any]:
    name = {"name": receiver.name}
    if receiver.slack:
        return {**name, "slack_configs": [_slack(framework, receiver.slack)]}
    if receiver.pagerduty:
        return {**name, "pagerduty_configs": [_pagerduty(framework, receiver.pagerduty)]}
    if receiver.email:
        return {**name, "email_configs": [_email(framework, receiver.email)]}
    assert receiver.webhook is not None  # the model allows exactly one way
    return {**name, "webhook_configs": [_webhook(framework, receiver.webhook)]}


def _slack(framework: Framework, slack: Slack) -> dict[str, Any]:
    return {
        "api_url_file": _secret(framework, slack.url_file),
        "channel": slack.channel,
        "send_resolved": True,
        "title": _TITLE,
        "title_link": f"{{{{ with {_FIRST}.Annotations }}}}{{{{ or .report_url .dashboard_url }}}}{{{{ end }}}}",
        "text": Block(_TEXT),
        "fallback": _TITLE,
        "mrkdwn_in": ["text"],  # Alertmanager's own default names a field for which Slack does not know it
        "color": f'{{{{ if eq .Status "resolved" }}}}good{{{{ else if eq {_FIRST}.Labels.severity "critical" }}}}danger'
        "{{ else }}warning{{ end }}",
    }


def _pagerduty(framework: Framework, pagerduty: PagerDuty) -> dict[str, Any]:
    return {
        "routing_key_file": _secret(framework, pagerduty.routing_key_file),
        "send_resolved": True,
        "description": f"{{{{ {_FIRST}.Annotations.summary }}}}",
        "severity": f'{{{{ with {_FIRST}.Labels.severity }}}}{{{{ if eq . "critical" "warning" }}}}{{{{ . }}}}'
        "{{ else }}info{{ end }}{{ else }}info{{ end }}",
        "component": "{{ .CommonLabels.process }}",
        "group": "{{ .CommonLabels.business_unit }}",
        "class": "{{ .CommonLabels.alertname }}",
        "details": {"firing": Block(_PLAIN)},
        "links": [
            {"href": f"{{{{ {_FIRST}.Annotations.{field}_url }}}}", "text": field.capitalize()}
            for field in ("report", "runbook", "dashboard")
        ],
    }


def _email(framework: Framework, email: Email) -> dict[str, Any]:
    login = {
        **({"auth_username": email.username} if email.username else {}),
        **({"auth_password_file": _secret(framework, email.password_file)} if email.password_file else {}),
    }
    return {
        "to": email.to,
        "from": email.sender,
        "smarthost": email.smarthost,
        **login,
        "require_tls": email.require_tls,
        "send_resolved": True,
        "headers": {"Subject": _TITLE},
        "text": Block(_PLAIN),
        "html": Block(_HTML),
    }


def _webhook(framework: Framework, webhook: Webhook) -> dict[str, Any]:
    token = {
        "http_config": {
            "authorization": {"credentials_file": _secret(framework, webhook.token_file)},
        }
    }
    return {"url": webhook.url, "send_resolved": True, **(token if webhook.token_file else {})}


def _secret(framework: Framework, file: str) -> str:
    """Return where a secret file stands; an absolute path stays as it is."""
    return posixpath.join(framework.secrets_dir, file)
