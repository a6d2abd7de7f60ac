"""Airflow: the DAG that retrains is paused, and unpaused unless it was paused before.

A run that has begun goes on; the gate is there to be asked by its tasks.

Reference: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import requests

from aiwatch.kinds.response import Airflow
from aiwatch.respond.adapters.contract import Case, Secret
from aiwatch.respond.adapters.http_call import Bearer, call, credentials


class AirflowDag:
    """One DAG.

    Args:
        settings: as in the catalogue.
        secret: reads secret files.
    """

    only_pauses: ClassVar[bool] = True

    def __init__(self, settings: Airflow, secret: Secret) -> None:
        """Ask nothing yet."""
        self._settings = settings
        self._secret = secret
        self._server = settings.url.rstrip("/")
        self._url = f"{self._server}/api/{settings.api}/dags/{quote(settings.dag, safe='')}"

    def look(self) -> Mapping[str, str]:
        """Return whether the DAG is paused already."""
        answer = call("GET", self._url, auth=self._auth())
        return {"paused": "yes" if answer.get("is_paused") else "no"}

    def pause(self, case: Case, memo: Mapping[str, str]) -> str:
        """Pause the DAG."""
        self._set(True)
        before = ", as it was before" if memo["paused"] == "yes" else ""
        return f"the DAG {self._settings.dag} is paused{before}"

    def resume(self, case: Case, memo: Mapping[str, str]) -> str:
        """Unpause the DAG, unless it was paused before."""
        if memo["paused"] == "yes":
            return f"the DAG {self._settings.dag} stays paused, as it was before"
        self._set(False)
        return f"the DAG {self._settings.dag} runs again"

    def _set(self, paused: bool) -> None:
        call("PATCH", f"{self._url}?update_mask=is_paused", json={"is_paused": paused}, auth=self._auth())

    def _auth(self) -> requests.auth.AuthBase | None:
        """Return the credentials: Airflow 3 takes no password but gives a token for it."""
        settings = self._settings
        if settings.api == "v1" or not settings.username:
            return credentials(settings, self._secret)
        login = {"username": settings.username, "password": self._secret(settings.password_file)}
        return Bearer(str(call("POST", f"{self._server}/auth/token", json=login).get("access_token")))
