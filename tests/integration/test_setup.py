"""`aiwatch setup apply` against real servers: the first time, and again while everything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from elasticsearch import Elasticsearch

from aiwatch.cli import main
from aiwatch.provision.secret_files import write_secret
from tools.servers import run

ROOT = Path(__file__).parents[2]
KEYS = {"exporter": "exporter-api-key", "grafana": "grafana-api-key", "responder": "responder-api-key"}


class Installation:
    """The folders that the containers have as volumes."""

    def __init__(self, folder: Path, server: run.Elasticsearch) -> None:
        self.folder = folder
        self.server = server
        shutil.copytree(ROOT / "catalogue", folder / "catalogue")
        (folder / "site" / "prometheus").mkdir(parents=True)
        shutil.copy(ROOT / "prometheus" / "prometheus.yml", folder / "site" / "prometheus")
        self.setup("secrets")
        write_secret(folder / "secrets", "elastic-password", server.password)

    def setup(self, *arguments: str) -> Result:
        environment = {"AIWATCH_SECRETS": f"{self.folder}/secrets", "AIWATCH_SETUP_SHARE": f"{self.folder}/share"}
        return CliRunner().invoke(main, ["setup", *arguments], env=environment)

    def apply(self, *arguments: str) -> Result:
        options = [f"--catalogue={self.folder}/catalogue", f"--root={self.folder}/site"]
        options += [f"--publish={self.folder}/applied/catalogue", f"--elasticsearch={self.server.url}"]
        return self.setup("apply", *options, *arguments)

    def key(self, part: str) -> str:
        return (self.folder / "share" / part / KEYS[part]).read_text()


@pytest.fixture
def installation(tmp_path: Path, elasticsearch_server: run.Elasticsearch, es: Elasticsearch) -> Installation:
    return Installation(tmp_path, elasticsearch_server)


def test_the_first_time_keys_are_handed_out_and_servers_that_do_not_run_are_no_error(
    installation: Installation, es: Elasticsearch
) -> None:
    result = installation.apply("--prometheus=http://127.0.0.1:1", "--alertmanager=http://127.0.0.1:1")
    assert result.exit_code == 0, result.output
    assert "Prometheus: does not run" in result.output
    assert es.indices.exists_index_template(name="aiwatch-interactions")
    for part in KEYS:
        name = es.options(api_key=installation.key(part)).security.authenticate()["api_key"]["name"]
        assert name == f"aiwatch-{part}"


def test_again_keys_stay_and_a_running_prometheus_reads_what_is_new(
    installation: Installation, start_prometheus: Callable[[Path], run.Server]
) -> None:
    assert installation.apply().exit_code == 0
    keys = {part: installation.key(part) for part in KEYS}
    url = start_prometheus(installation.folder / "site" / "prometheus").url
    (installation.folder / "catalogue" / "processes" / "returns-bot.yml").write_text(
        "name: returns-bot\ntitle: Returns bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
    )
    result = installation.apply(f"--prometheus={url}")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "Prometheus: reloaded"
    assert "is new" not in result.output
    assert {part: installation.key(part) for part in KEYS} == keys
    assert "aiwatch-returns-bot" in requests.get(f"{url}/api/v1/rules", timeout=10).text


def test_the_exporter_is_given_the_catalogue_that_was_applied_last(installation: Installation) -> None:
    processes = installation.folder / "catalogue" / "processes"
    published = installation.folder / "applied" / "catalogue"
    assert installation.apply().exit_code == 0
    good = (processes / "support-chatbot.yml").read_text()
    (processes / "support-chatbot.yml").write_text(good + "kinds: chat\n")
    assert installation.apply().exit_code == 1
    assert (published / "processes" / "support-chatbot.yml").read_text() == good
    (processes / "support-chatbot.yml").unlink()
    assert installation.apply().exit_code == 0
    assert not (published / "processes" / "support-chatbot.yml").exists()
    assert (published / "framework.yml").read_text() == (installation.folder / "catalogue/framework.yml").read_text()
    for baseline in (installation.folder / "catalogue" / "baselines").iterdir():
        assert (published / "baselines" / baseline.name).read_bytes() == baseline.read_bytes()
