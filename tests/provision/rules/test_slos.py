import re

import pytest

from aiwatch.catalogue.model import Framework, build_process
from aiwatch.provision.rules.model import Alert, Recording
from aiwatch.provision.rules.slos import slo_groups


def groups(**slo):
    bot = build_process(
        {
            "name": "bot",
            "title": "Bot",
            "kind": "chat",
            "business_unit": "service",
            "owner": "a@example.com",
            "slos": [{"name": "good", "indicator": "errors", "objective": 0.99, **slo}],
        }
    )
    return slo_groups(Framework(), bot)


def recorded(**slo) -> dict[str, Recording]:
    rules = [rule for group in groups(**slo) for rule in group.rules]
    return {rule.record: rule for rule in rules if isinstance(rule, Recording)}


def factors(**slo) -> list[float]:
    alerts = [rule for group in groups(**slo) for rule in group.rules if isinstance(rule, Alert)]
    found = [float(factor) for alert in alerts for factor in re.findall(r"> \(([\d.]+) \*", alert.expr)]
    return found[::2]  # the short window and the long one share a factor


def test_the_series_are_those_of_sloth():
    assert list(recorded()) == [
        *(f"slo:sli_error:ratio_rate{window}" for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")),
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    ]


def test_every_series_carries_the_labels_of_sloth_and_the_process():
    for rule in recorded().values():
        assert rule.labels["process"] == rule.labels["sloth_service"] == "bot"
        assert rule.labels["sloth_id"] == "bot-good"
        assert rule.labels["sloth_slo"] == "good"
    assert recorded()["slo:sli_error:ratio_rate30m"].labels["sloth_window"] == "30m"
    assert recorded()["sloth_slo_info"].labels["sloth_objective"] == "99"


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("30d", [14.4, 6, 3, 1]),
        ("28d", [13.44, 5.6, 2.8, 0.933333333333]),
        ("7d", [13.44, 5.6, 2.8, 0.933333333333]),  # as for 28 days: less would fire within the objective
    ],
)
def test_alerts_fire_at_the_burn_rates_of_the_workbook(period, expected):
    assert factors(period=period) == expected


def test_a_period_that_is_also_a_window_is_recorded_once():
    names = [rule.record for group in groups(period="3d") for rule in group.rules if isinstance(rule, Recording)]
    assert names.count("slo:sli_error:ratio_rate3d") == 1


def test_the_ratio_over_the_period_divides_events_and_not_averages():
    rule = recorded(period="28d")["slo:sli_error:ratio_rate4w"]
    assert rule.expr == (
        'sum(increase(ai_errors_total{process="bot"}[4w]))\n'
        "/\n"
        '(sum(increase(ai_interactions_total{process="bot"}[4w])) >= 100)'
    )


def test_a_latency_objective_asks_for_the_bucket_as_the_exporter_writes_it():
    rule = recorded(indicator="latency", threshold="2s")["slo:sli_error:ratio_rate5m"]
    assert 'ai_latency_seconds_bucket{process="bot", le="2.0"}[5m]' in rule.expr


def test_groups_have_names_of_their_own():
    names = [group.name for group in groups()]
    assert len(set(names)) == len(names) == 3
