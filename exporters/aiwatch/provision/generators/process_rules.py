"""One rule file per process: what Prometheus computes for it, when it raises an alert, and its objectives."""

from __future__ import annotations

from aiwatch.catalogue.model import Catalogue
from aiwatch.provision.contracts import Tree
from aiwatch.provision.rules.alerts import alerts
from aiwatch.provision.rules.model import Group, render_groups
from aiwatch.provision.rules.recordings import recordings
from aiwatch.provision.rules.slos import slo_groups


def generate(catalogue: Catalogue) -> Tree:
    """Return ``prometheus/generated/rules/<process>.yml`` for every process."""
    framework = catalogue.framework
    return {
        f"prometheus/generated/rules/{process.name}.yml": render_groups(
            [
                # one group, evaluated in order: an alert finds the series that the rules before it recorded
                Group(f"aiwatch-{process.name}", [*recordings(process), *alerts(framework, process)]),
                *slo_groups(framework, process),
            ]
        )
        for process in catalogue.processes
    }
