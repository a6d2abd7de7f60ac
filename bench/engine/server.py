"""A real Elasticsearch with aiwatch's templates and the exporter's key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from elasticsearch import Elasticsearch

from aiwatch.catalogue.load import load_catalogue
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from tools.servers import node
from tools.servers.install import ensure_elasticsearch

_JVM = ("-XX:TieredStopAtLevel=4",)  # the full compiler, as a server in use has it


@dataclass(frozen=True, slots=True)
class Target:
    """Where documents go: a client with all rights, the address, and the file with the exporter's key."""

    client: Elasticsearch
    url: str
    key: Path

    def wipe(self) -> None:
        """Delete every document."""
        if indices := list(self.client.indices.get(index="aiwatch-*")):
            self.client.indices.delete(index=indices)


@contextmanager
def elasticsearch(folder: Path, catalogue: Path) -> Iterator[Target]:
    """Run Elasticsearch in ``folder``, prepared for ``catalogue``."""
    with (
        node.Elasticsearch(ensure_elasticsearch(), folder / "server", heap="1g", jvm=_JVM).start() as server,
        Elasticsearch(**server.client_settings, request_timeout=60) as client,
    ):
        loaded = load_catalogue(catalogue)
        tree = dict(generate(loaded))
        apply(client, tree, folder / "secrets", retentions(loaded.framework), datetime.now(UTC).date())
        yield Target(client, server.url, folder / "secrets" / "exporter-api-key")
