"""The systems that a response reaches: one file each, registered here by their names in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiwatch.respond.adapters.airflow import AirflowDag
from aiwatch.respond.adapters.contract import Adapter, Secret
from aiwatch.respond.adapters.mlflow import MlflowRegistry
from aiwatch.respond.adapters.webhook import Webhook

ADAPTERS: Mapping[str, Callable[[Any, Secret], Adapter]] = {
    "mlflow": MlflowRegistry,
    "airflow": AirflowDag,
    "webhook": Webhook,
}
