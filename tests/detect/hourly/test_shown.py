"""What /metrics shows follows from the newest result alone, is bounded, and never calls ok what was not tested."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from aiwatch import names
from aiwatch.detect.hourly.shown import MOST_FEATURES, DriftCollector, Shown, one_line, samples, strongest
from aiwatch.kinds.drift import METRICS, Drift
from aiwatch.profiles.result import Claim, Finding, Result
from tests.detect.hourly.made_up import at, baseline

HELD = baseline()


def finding(feature: str, test: str = "psi", effect: float = 0.01, evidence: float = 0.1, drifted: bool = False):
    return Finding(
        feature=feature,
        test=test,
        statistic=1.0,
        p_value=0.5,
        effect=effect,
        material=0.02,
        evidence=evidence,
        drifted=drifted,
    )


def result(state: str = "drift", *findings: Finding, causes: tuple[Claim, ...] = ()) -> Result:
    return Result(
        id="fraud:20260302T0700Z",
        time=at(7),
        end=at(8),
        process="fraud",
        model_version="1",
        baseline="b",
        rows=900,
        state=state,
        findings=findings,
        causes=causes,
    )


def shown_of(found: Result | None, **more) -> dict[tuple[str, tuple[str, ...]], float]:
    told = samples(Shown("fraud", Drift(), HELD, result=found, **more))
    return {(metric, labels[1:]): value for metric, labels, value in told}


def states(found: Result | None, held=HELD) -> dict[str, float]:
    told = samples(Shown("fraud", Drift(), held, result=found))
    return {labels[1]: value for metric, labels, value in told if metric == names.DRIFT_STATE}


@pytest.mark.parametrize("state", ["ok", "drift", "not_enough_data", "learning"])
def test_exactly_one_state_is_shown(state: str) -> None:
    assert [name for name, value in states(result(state)).items() if value] == [state]
    assert sum(states(result(state)).values()) == 1


def test_before_the_first_window_and_without_a_baseline_nothing_is_called_ok() -> None:
    assert [name for name, value in states(None).items() if value] == ["not_enough_data"]
    assert [name for name, value in states(None, None).items() if value] == ["no_baseline"]


def test_of_several_tests_of_a_feature_the_one_closest_to_drift_is_shown() -> None:
    large_but_unsure = finding("amount", effect=0.9, evidence=0.2)
    drifted = finding("amount", "missing_share", effect=0.04, evidence=1.2, drifted=True)
    assert strongest([large_but_unsure, drifted]) == {"amount": drifted}
    sure_but_small = finding("amount", "psi", effect=0.001, evidence=9.0)
    assert strongest([sure_but_small, large_but_unsure]) == {"amount": large_but_unsure}
    told = shown_of(result("drift", large_but_unsure, drifted))
    assert told[names.DRIFT_DETECTED, ("amount",)] == 1
    assert told[names.DRIFT_EFFECT_RATIO, ("amount",)] == 2
    assert told[names.DRIFT_EVIDENCE_RATIO, ("amount",)] == 1.2


def test_a_feature_is_shown_to_drift_exactly_when_both_ratios_of_its_finding_say_so() -> None:
    told = shown_of(result("ok", finding("amount", effect=0.9, evidence=0.2), finding("amount", "ks", 0.001, 7.0)))
    both = (told[names.DRIFT_EFFECT_RATIO, ("amount",)], told[names.DRIFT_EVIDENCE_RATIO, ("amount",)])
    assert told[names.DRIFT_DETECTED, ("amount",)] == float(min(both) >= 1) == 0


def test_cause_evidence_and_report_are_shown_while_something_drifts_and_not_longer() -> None:
    cause = Claim("pipeline", "missing", 0.9, ("missing 70 %, was 0.5 %", "since 07:00"), ("amount",))
    other = Claim("population", "mix", 0.1, ("a bit",), ("score",))
    drifts = shown_of(result("drift", finding("amount", drifted=True), causes=(cause, other)))
    assert drifts[names.DRIFT_CAUSE_INFO, ("pipeline", "amount")] == 1
    assert drifts[names.DRIFT_EVIDENCE_INFO, ("1", "missing 70 %, was 0.5 %")] == 1
    assert drifts[names.DRIFT_EVIDENCE_INFO, ("2", "since 07:00")] == 1
    assert drifts[names.DRIFT_REPORT_INFO, ("fraud:20260302T0700Z",)] == 1
    assert not any("population" in labels for _, labels in drifts)
    calm = {metric for metric, _ in shown_of(result("ok", finding("amount"), causes=(cause,)))}
    assert not calm & {names.DRIFT_CAUSE_INFO, names.DRIFT_EVIDENCE_INFO, names.DRIFT_REPORT_INFO}


def test_a_forecast_is_shown_for_what_has_not_drifted() -> None:
    found = result("drift", finding("amount"), finding("score", drifted=True))
    told = shown_of(found, expected={"amount": 3600.0, "score": 60.0, "gone": 1.0})
    expected = {labels: value for (metric, labels), value in told.items() if metric == names.DRIFT_EXPECTED_SECONDS}
    assert expected == {("amount",): 3600.0}


def test_there_are_never_more_series_however_many_features_and_lines_there_are() -> None:
    findings = [finding(f"f{number}", effect=number / 1e4, evidence=number) for number in range(1000)]
    cause = Claim("pipeline", "missing", 0.9, tuple("line " * 200 for _ in range(50)), tuple(map(str, range(500))))
    told = shown_of(result("drift", *findings, causes=(cause,)))
    assert sum(metric == names.DRIFT_DETECTED for metric, _ in told) == MOST_FEATURES + 1
    assert told[names.DRIFT_EFFECT_RATIO, (names.OTHER,)] == pytest.approx(999e-4 / 0.02)
    assert len(told) < 3 * MOST_FEATURES + 60
    assert max(len(label) for _, labels in told for label in labels) <= 200


def test_numbers_without_end_are_shown_as_large_ones_and_none_as_no_change() -> None:
    told = shown_of(result("ok", finding("a", effect=math.inf), finding("b", effect=math.nan)))
    assert told[names.DRIFT_EFFECT_RATIO, ("a",)] == 1e6
    assert told[names.DRIFT_EFFECT_RATIO, ("b",)] == 0


def test_no_value_of_a_feature_can_call_a_channel_or_break_a_line() -> None:
    text = one_line("unseen 'x\n<!channel> <https://evil|click> &amp;'\u2028\x1b[31m" + "y" * 500)
    assert not set("<>&\n\u2028\x1b") & set(text)
    assert len(text) == 200


def test_the_output_in_the_baseline_is_shown_as_a_cumulative_distribution() -> None:
    told = shown_of(None)
    bounds = [labels[0] for metric, labels in told if metric == names.BASELINE_OUTPUT_RATIO]
    shares = [told[names.BASELINE_OUTPUT_RATIO, (bound,)] for bound in bounds]
    assert bounds[-1] == "+Inf"
    assert shares == sorted(shares)
    assert told[names.BASELINE_OUTPUT_RATIO, ("0.5",)] == 0.5


def test_everything_that_is_shown_is_declared_and_the_other_way_round() -> None:
    collector = DriftCollector()
    cause = Claim("pipeline", "missing", 0.9, ("why",), ("amount",))
    found = result("drift", finding("amount", drifted=True), finding("score"), causes=(cause,))
    collector.shown["fraud"] = Shown(
        "fraud", Drift(), HELD, result=found, rows=9, usual_rows=10.0, expected={"score": 1.0}
    )
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    for metric in METRICS:
        assert f"\n{metric.name}{{" in text, metric.name
    assert collector.shown["fraud"].state == "drift"
    assert msgspec.structs.replace(found, end=at(8) + timedelta(hours=1)) != found


def test_a_window_of_too_few_rows_leaves_no_feature_without_its_series() -> None:
    shown = shown_of(result("drift", finding("amount", effect=0.1, evidence=2.0, drifted=True)))
    detected = {labels[0]: value for (metric, labels), value in shown.items() if metric == names.DRIFT_DETECTED}
    assert detected == {**dict.fromkeys(HELD.features, 0.0), "amount": 1.0}
