"""The real servers that all faults share: Elasticsearch as it is provisioned, and a Prometheus that scrapes."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from elasticsearch import Elasticsearch

from aiwatch.catalogue.model import Catalogue, Framework
from aiwatch.provision.apply.elasticsearch_server import apply
from aiwatch.provision.generators.elasticsearch_templates import generate, retentions
from tools.servers import run
from tools.servers.process import free_port

SCRAPE_SECONDS = 0.25
ZERO_SECONDS = 1.0  # for how long the exporters show a new series as 0


@dataclass(frozen=True, slots=True)
class World:
    """What a fault needs: ``port`` is where Prometheus expects every exporter, one after the other."""

    folder: Path
    elasticsearch: run.Elasticsearch
    client: Elasticsearch
    key: Path
    prometheus: run.Server
    port: int

    def query(self, query: str, at: float) -> float:
        """Return the value of the first series of Prometheus's answer, 0 if there is none; ``at`` in epoch seconds."""
        arguments = urllib.parse.urlencode({"query": query, "time": at})
        with urllib.request.urlopen(f"{self.prometheus.url}/api/v1/query?{arguments}", timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0


@contextmanager
def around(folder: Path, server: run.Elasticsearch) -> Iterator[World]:
    """Prepare ``server`` as provision does, and start a Prometheus; everything is written below ``folder``."""
    with ExitStack() as stack:
        client = stack.enter_context(Elasticsearch(**server.client_settings, request_timeout=60))
        secrets = folder / "secrets"
        apply(
            client,
            dict(generate(Catalogue(Framework(), ()))),
            secrets,
            retentions(Framework()),
            datetime.now(UTC).date(),
        )
        port = free_port()
        config = folder / "prometheus-config"
        config.mkdir(parents=True)
        often = f"{SCRAPE_SECONDS * 1000:.0f}ms"
        (config / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {often}, scrape_timeout: {often}}}\n"
            "scrape_configs:\n"
            "  - job_name: exporter\n"
            f'    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]\n'
        )
        prometheus = stack.enter_context(run.prometheus(folder / "prometheus", config))
        world = World(folder, server, client, secrets / "exporter-api-key", prometheus, port)
        while not world.query("count(up)", time.time()):
            time.sleep(0.1)  # it begins to scrape some seconds after it is ready
        yield world
