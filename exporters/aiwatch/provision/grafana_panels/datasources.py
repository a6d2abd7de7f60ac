"""The data sources that pages ask, chosen by a variable each, with those of `grafana/provisioning` as default."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from aiwatch import names


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source variable: its ``name`` in queries, what people read, and which sources it offers.

    ``type`` is the plugin; ``regex`` narrows the offer by the source's name; ``default`` is the uid (and name) of
    the provisioned one.
    """

    name: str
    label: str
    type: str
    default: str
    regex: str = ""

    @property
    def reference(self) -> common.DataSourceRef:
        """Return how panels and queries name the source."""
        return common.DataSourceRef(type_val=self.type, uid=f"${{{self.name}}}")

    def variable(self) -> dashboard.VariableModel:
        """Return the variable that lets people choose the source."""
        builder = builders.DatasourceVariable(self.name).label(self.label).type(self.type).regex(self.regex)
        return builder.current(dashboard.VariableOption(text=self.default, value=self.default)).build()


def _family(name: str, label: str, family: str) -> DataSource:
    return DataSource(name, label, "elasticsearch", f"{names.INDEX_PREFIX}{family}", f"/{family}/i")


PROMETHEUS = DataSource("prometheus", "Metrics", "prometheus", "aiwatch-prometheus")
INTERACTIONS = _family("elasticsearch", "Interactions", names.FAMILY_INTERACTIONS)
FEEDBACK = _family("elasticsearch_feedback", "Feedback", names.FAMILY_FEEDBACK)
PREDICTIONS = _family("elasticsearch", "Predictions", names.FAMILY_PREDICTIONS)
