from __future__ import annotations

import pytest

from aiwatch.demo.chatbot.classifier import IntentClassifier, train_support_bot
from aiwatch.demo.fraud.model import FraudModel, train_fraud_model


@pytest.fixture(scope="session")
def classifier() -> IntentClassifier:
    return train_support_bot()


@pytest.fixture(scope="session")
def model() -> FraudModel:
    return train_fraud_model()
