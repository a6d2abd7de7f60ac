"""What is to be done when the model of a process drifts, by the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.respond.adapters import ADAPTERS
from aiwatch.respond.adapters.contract import Adapter, AdapterError, Secret
from aiwatch.respond.review import QUARANTINE


@dataclass(frozen=True, slots=True)
class Policy:
    """The response of one process: its adapters by the name of their step, and where people read about it."""

    title: str
    pauses: bool
    adapters: Mapping[str, Adapter]
    url: str

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done in a review, in the order of the catalogue."""
        asked = (name for name, adapter in self.adapters.items() if self.pauses or not adapter.only_pauses)
        return (QUARANTINE, *asked)


def policies(catalogue: Catalogue) -> Mapping[str, Policy]:
    """Return the response of every process that can drift, by name."""
    secret = secrets_in(Path(catalogue.framework.secrets_dir))
    return {
        process.name: _policy(process, process.options, catalogue.framework.endpoints.inbox, secret)
        for process in catalogue.processes
        if isinstance(process.options, PredictionOptions)
    }


def secrets_in(folder: Path) -> Secret:
    """Return what reads the secret files of a folder; an absolute path stays as it is."""

    def read(file: str) -> str:
        try:
            secret = (folder / file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AdapterError(f"the secret in {folder / file} cannot be read: {error}") from None
        if not secret:
            raise AdapterError(f"the secret file {folder / file} is empty")
        return secret

    return read


def _policy(process: Process, options: PredictionOptions, inbox: str, secret: Secret) -> Policy:
    adapters: dict[str, Adapter] = {}
    for adapter in options.response.adapters:
        for system, settings in adapter.settings.items():
            adapters[_step(system, adapters)] = ADAPTERS[system](settings, secret)
    url = f"{inbox.rstrip('/')}/models/{process.name}"
    return Policy(process.title, options.response.pause_retraining, adapters, url)


def _step(system: str, taken: Mapping[str, Adapter]) -> str:
    """Return the step's name: that of the system, with a number from the second one on.

    >>> _step("webhook", {"webhook": None, "mlflow": None})
    'webhook-2'
    """
    number = 1 + sum(1 for name in taken if name.partition("-")[0] == system)
    return system if number == 1 else f"{system}-{number}"
