"""The catalogue that the project brings along agrees with the demo's processes and shows what a file can say."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from aiwatch import names
from aiwatch.catalogue.load import load_catalogue
from aiwatch.catalogue.model import Process
from aiwatch.demo.chatbot.topics import INTENTS
from aiwatch.demo.fraud.records import FEATURES, Decision
from aiwatch.demo.fraud.terminals import USUAL_AMOUNTS
from aiwatch.kinds.chat import ChatOptions
from aiwatch.kinds.classifier import ClassifierOptions

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "catalogue")
PROCESSES = {process.name: process for process in CATALOGUE.processes}


def test_the_chatbots_intents_are_those_that_the_demo_trains() -> None:
    options = PROCESSES["support-chatbot"].options
    assert isinstance(options, ChatOptions)
    assert options.intents == INTENTS


@pytest.mark.parametrize("name", ["card-fraud", "partner-fraud"])
def test_a_fraud_models_features_and_decisions_are_those_of_the_demo(name: str) -> None:
    options = PROCESSES[name].options
    assert isinstance(options, ClassifierOptions)
    assert {name: feature.type == "numeric" for name, feature in options.features.items()} == {
        name: type_ == "number" for name, type_ in FEATURES.items()
    }
    assert options.decisions == get_args(Decision)
    assert set(options.features["merchant_category"].values) == set(USUAL_AMOUNTS)


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_an_example_shows_what_it_is_for_and_how_it_can_fail(process: Process) -> None:
    assert process.file.objective
    assert process.file.kpis
    caught = {mode.alert for mode in process.file.failure_modes}
    own = {name for name, settings in process.options.alerts.settings().items() if settings.enabled}
    assert own <= caught
    assert names.ALERT_SLO_BURN in caught
