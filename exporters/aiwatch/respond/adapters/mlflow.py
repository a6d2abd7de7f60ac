"""MLflow's model registry: the version in use gets an alias and a tag that say that it is under review.

The alias that serves the model is not touched: what runs goes on running. A pipeline that promotes or retrains asks
the registry for ``aiwatch-under-review``.

Reference: https://mlflow.org/docs/latest/rest-api.html (model registry)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode

from aiwatch.kinds.response import Mlflow
from aiwatch.respond.adapters.contract import Case, Secret
from aiwatch.respond.adapters.http_call import Answer, call, credentials

ALIAS = "aiwatch-under-review"
TAG = "aiwatch.review"


class MlflowRegistry:
    """The version of a registered model that an alias names when the review begins.

    Args:
        settings: as in the catalogue.
        secret: reads secret files.
    """

    only_pauses: ClassVar[bool] = False

    def __init__(self, settings: Mlflow, secret: Secret) -> None:
        """Ask nothing yet."""
        self._settings = settings
        self._secret = secret

    def look(self) -> Mapping[str, str]:
        """Return the version that the alias names."""
        query = urlencode({"name": self._settings.model, "alias": self._settings.alias})
        answer = self._call("GET", f"registered-models/alias?{query}")
        return {"version": str(answer.get("model_version", "version"))}

    def pause(self, case: Case, memo: Mapping[str, str]) -> str:
        """Set alias and tag."""
        version = {"name": self._settings.model, "version": memo["version"]}
        self._call("POST", "registered-models/alias", {**version, "alias": ALIAS})
        self._call("POST", "model-versions/set-tag", {**version, "key": TAG, "value": f"required: {case.url}"})
        return f"version {memo['version']} of {self._settings.model} has the alias {ALIAS} and the tag {TAG}"

    def resume(self, case: Case, memo: Mapping[str, str]) -> str:
        """Delete alias and tag."""
        name = {"name": self._settings.model}
        self._call("DELETE", "model-versions/delete-tag", {**name, "version": memo["version"], "key": TAG}, True)
        self._call("DELETE", "registered-models/alias", {**name, "alias": ALIAS}, True)
        return f"version {memo['version']} of {self._settings.model} has no longer alias and tag"

    def _call(self, method: str, path: str, json: Mapping[str, str] | None = None, missing: bool = False) -> Answer:
        url = f"{self._settings.url.rstrip('/')}/api/2.0/mlflow/{path}"
        return call(method, url, json=json, auth=credentials(self._settings, self._secret), missing=missing)
