"""Everything that is generated from the catalogue: one file each, registered here."""

from __future__ import annotations

from aiwatch.catalogue.model import Catalogue
from aiwatch.provision.contracts import Generator
from aiwatch.provision.generators import (
    alertmanager,
    dashboard_chat,
    dashboard_model,
    dashboard_overview,
    elasticsearch_templates,
    framework_rules,
    json_schemas,
    process_rules,
)

GENERATORS: tuple[Generator, ...] = (
    process_rules.generate,
    framework_rules.generate,
    alertmanager.generate,
    dashboard_chat.generate,
    dashboard_model.generate,
    dashboard_overview.generate,
    elasticsearch_templates.generate,
    json_schemas.generate,
)

OWNED = (
    "prometheus/generated",
    "grafana/generated",
    "elasticsearch/generated",
    json_schemas.PROCESS,
    json_schemas.FRAMEWORK,
)
"""The folders and files that hold what is generated and nothing else."""


def generate_all(catalogue: Catalogue) -> dict[str, str]:
    """Return every generated file.

    Raises:
        ValueError: two generators claim the same path.
    """
    tree: dict[str, str] = {}
    for generate in GENERATORS:
        for path, text in generate(catalogue).items():
            if path in tree:
                raise ValueError(f"two generators write {path}")
            tree[path] = text
    return tree
