"""A small catalogue that reaches every branch of the dashboards, and the pages that come of it."""

from __future__ import annotations

import json
from typing import Any

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.provision.generators import dashboard_chat, dashboard_model, dashboard_overview

LONG = "a-forecast-whose-name-is-longer-than-grafana-allows-for-uids"
_COMMON = {"business_unit": "sales", "owner": "team@example.com"}

CATALOGUE = Catalogue(
    Framework(),
    tuple(
        build_process({**_COMMON, **special})
        for special in (
            {
                "name": "bot",
                "title": "Bot",
                "kind": "chat",
                "currency": "EUR",
                "alerts": {
                    "confidence_low": {"threshold": 0.6},
                    "fallback_rate_high": {"threshold": 0.4, "window": "2h"},
                },
                "slos": [{"name": "fast", "indicator": "latency", "objective": 0.9, "threshold": "1500ms"}],
            },
            {
                "name": "calm-bot",
                "title": "Bot without objectives",
                "kind": "chat",
                "slos": [],
                "alerts": {"satisfaction_falling": {"enabled": False}},
            },
            {
                "name": "fraud",
                "title": "Fraud",
                "kind": "classifier",
                "decisions": ["approve", "block"],
                "features": {"amount": {"type": "numeric"}, "country": {"type": "categorical"}},
                "alerts": {"features_missing": {"threshold": 0.02}},
            },
            {"name": LONG, "title": "Forecast", "kind": "regressor"},
        )
    ),
)


def texts() -> dict[str, str]:
    """Return the generated files by path."""
    return {
        **dashboard_chat.generate(CATALOGUE),
        **dashboard_model.generate(CATALOGUE),
        **dashboard_overview.generate(CATALOGUE),
    }


def pages() -> dict[str, dict[str, Any]]:
    """Return the dashboards by uid."""
    return {page["uid"]: page for page in map(json.loads, texts().values())}


def panel(page: dict[str, Any], title: str) -> dict[str, Any]:
    """Return the one panel with this title."""
    (found,) = [panel for panel in page["panels"] if panel["title"] == title]
    return dict(found)
