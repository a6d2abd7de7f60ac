"""What happens when a model drifts: the part `response` of a process file."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from aiwatch.kinds.options import Frozen


def _plain_address(url: str) -> str:
    parts = urlsplit(url)
    _ = parts.port  # an error if there can be no such port
    if "@" in parts.netloc:
        raise ValueError("an address holds no user or password: name the file that a secret stands in")
    return url


Url = Annotated[str, Field(pattern=r"^https?://[^/]"), AfterValidator(_plain_address)]
Text = Annotated[str, Field(min_length=1)]


class Login(Frozen):
    """How to log in: by a token, or by user and password. Secrets stand in files in ``secrets_dir``."""

    username: str = ""
    password_file: str = ""
    token_file: str = ""

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Login:
        if bool(self.username) != bool(self.password_file):
            raise ValueError("username and password_file belong together: give both, or none")
        if self.username and self.token_file:
            raise ValueError("log in by token_file, or by username and password_file, not both")
        return self


class Mlflow(Login):
    """A registered model at MLflow, the version that ``alias`` names."""

    url: Url
    model: Text
    alias: Text = "champion"


class Airflow(Login):
    """A DAG at Airflow, by its REST API: ``v2`` is that of Airflow 3, ``v1`` that of Airflow 2."""

    url: Url
    dag: Text
    api: Literal["v1", "v2"] = "v2"


class SignedWebhook(Frozen):
    """Any HTTP endpoint, which is posted what happens, signed with the secret in ``secret_file``."""

    url: Url
    secret_file: Text


class Adapter(Frozen):
    """A system that is told when a model comes under review and when it is resumed: exactly one."""

    mlflow: Mlflow | None = None
    airflow: Airflow | None = None
    webhook: SignedWebhook | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Adapter:
        if len(self.settings) != 1:
            raise ValueError("an adapter has exactly one of mlflow, airflow and webhook")
        return self

    @property
    def settings(self) -> dict[str, Frozen]:
        """The settings that are given, by the name of their system."""
        given: dict[str, Frozen | None] = {"mlflow": self.mlflow, "airflow": self.airflow, "webhook": self.webhook}
        return {name: settings for name, settings in given.items() if settings is not None}


class Gate(Frozen):
    """Whether retraining may run when ``aiwatch gate`` cannot reach the responder: ``open`` if so."""

    fail: Literal["open", "closed"] = "closed"


class Response(Frozen):
    """What happens on ``ModelDrift``, besides the flag for review that the model always gets.

    Without ``pause_retraining`` the gate stays open and nothing is told to stop, but data is still quarantined.
    """

    pause_retraining: bool = True
    gate: Gate = Gate()
    adapters: tuple[Adapter, ...] = ()
