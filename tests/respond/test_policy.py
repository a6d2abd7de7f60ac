"""What the catalogue says of a response becomes steps, in its order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.respond.adapters.contract import AdapterError
from aiwatch.respond.policy import policies, secrets_in

MODEL = {"name": "churn", "title": "Churn", "kind": "classifier", "business_unit": "crm", "owner": "a@example.com"}
HOOK = {"webhook": {"url": "https://example.com", "secret_file": "hook"}}
DAG = {"airflow": {"url": "http://airflow:8080", "dag": "retrain"}}


def catalogue(*processes: dict[str, Any]) -> Catalogue:
    framework = Framework.model_validate({"endpoints": {"inbox": "https://inbox.example/"}})
    return Catalogue(framework, tuple(build_process(each) for each in processes))


def test_a_model_that_says_nothing_is_paused_and_its_windows_are_quarantined() -> None:
    policy = policies(catalogue(MODEL))["churn"]
    assert (policy.title, policy.pauses, policy.steps) == ("Churn", True, ("quarantine",))
    assert policy.url == "https://inbox.example/models/churn"


def test_steps_are_in_the_order_of_the_catalogue_and_a_second_one_of_a_sort_has_a_number() -> None:
    response = {"adapters": [HOOK, DAG, HOOK]}
    policy = policies(catalogue({**MODEL, "response": response}))["churn"]
    assert policy.steps == ("quarantine", "webhook", "airflow", "webhook-2")


def test_where_retraining_goes_on_nothing_is_asked_that_only_pauses() -> None:
    response = {"pause_retraining": False, "adapters": [DAG, HOOK]}
    policy = policies(catalogue({**MODEL, "response": response}))["churn"]
    assert (policy.pauses, policy.steps) == (False, ("quarantine", "webhook"))


def test_a_process_that_is_no_model_has_no_response() -> None:
    assert policies(catalogue({**MODEL, "name": "bot", "kind": "chat"})) == {}


def test_secrets_are_read_from_their_folder_anew_each_time(tmp_path: Path) -> None:
    secret = secrets_in(tmp_path)
    (tmp_path / "token").write_text(" one\n")
    assert secret("token") == secret(str(tmp_path / "token")) == "one"
    (tmp_path / "token").write_text("two")
    assert secret("token") == "two"
    (tmp_path / "token").write_text("\n")
    with pytest.raises(AdapterError, match=r"the secret file .*/token is empty"):
        secret("token")
