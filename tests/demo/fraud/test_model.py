from __future__ import annotations

import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from aiwatch.demo.fraud.model import BLOCK_FROM, REVIEW_FROM, FraudModel, decide
from aiwatch.demo.fraud.records import FEATURES, Features, Transaction
from aiwatch.demo.fraud.world import World
from aiwatch.demo.rhythm import DAY

START = 20_500 * DAY


@pytest.fixture(scope="module")
def unseen() -> list[Transaction]:
    return list(World("unseen").transactions(START, START + 10 * DAY, 4000))


def test_the_model_tells_fraud_from_genuine_payments_on_unseen_data(
    model: FraudModel, unseen: list[Transaction]
) -> None:
    truth = [payment.fraud is not None for payment in unseen]
    scores = model.score([payment.features for payment in unseen])
    assert roc_auc_score(truth, scores) > 0.97
    assert average_precision_score(truth, scores) > 0.6


def test_decisions_are_mostly_to_approve_and_blocks_are_mostly_right(
    model: FraudModel, unseen: list[Transaction]
) -> None:
    decisions = [decide(score) for score in model.score([payment.features for payment in unseen])]
    assert decisions.count("approve") > 0.985 * len(unseen)
    assert decisions.count("review") > 0
    blocked = [p for p, decision in zip(unseen, decisions, strict=True) if decision == "block"]
    assert sum(p.fraud is not None for p in blocked) > 0.85 * len(blocked) > 0


def test_scores_are_probabilities_that_fit_the_share_of_fraud(model: FraudModel, unseen: list[Transaction]) -> None:
    scores = model.score([payment.features for payment in unseen])
    assert all(0 <= score <= 1 for score in scores)
    assert sum(scores) == pytest.approx(sum(payment.fraud is not None for payment in unseen), rel=0.35)


def test_missing_values_and_unknown_categories_are_scored(model: FraudModel, unseen: list[Transaction]) -> None:
    nothing: Features = dict.fromkeys(FEATURES)
    strange: Features = {**unseen[0].features, "country": "XX", "channel": "telepathy"}
    scores = model.score([nothing, strange])
    assert all(0 <= score <= 1 for score in scores)
    assert model.score([]) == []


def test_the_thresholds_belong_to_the_graver_decision() -> None:
    assert [decide(score) for score in (REVIEW_FROM - 1e-5, REVIEW_FROM, BLOCK_FROM - 1e-5, BLOCK_FROM)] == [
        "approve",
        "review",
        "review",
        "block",
    ]
