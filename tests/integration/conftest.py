"""Real servers for the integration tests; installed on first use (see ``tools/servers``)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tools.demo.folders import Folders
from tools.demo.stack import Stack, start_stack
from tools.servers import run
from tools.servers.commands import say_to_stderr
from tools.servers.install import ensure_alertmanager, ensure_prometheus

ROOT = Path(__file__).parents[2]
DEMO_DAYS = 9  # so that what is compared with a week ago has something to compare with

StartServer = Callable[[Path], run.Server]


@pytest.fixture(scope="session")
def elasticsearch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[run.Elasticsearch]:
    """One secured Elasticsearch for all tests. A test that stops it must start it again."""
    with run.elasticsearch(tmp_path_factory.mktemp("elasticsearch")) as server:
        yield server


@pytest.fixture(scope="module")
def es(elasticsearch_server: run.Elasticsearch) -> Iterator[Elasticsearch]:
    """A client with all rights; each module begins without any of aiwatch's indices and templates."""
    with Elasticsearch(**elasticsearch_server.client_settings) as client:
        wipe(client)
        yield client


def wipe(client: Elasticsearch) -> None:
    """Delete everything that is called aiwatch-*."""
    if indices := list(client.indices.get(index="aiwatch-*", expand_wildcards="all")):
        client.indices.delete(index=indices)
    where_any = client.options(ignore_status=404)
    where_any.indices.delete_index_template(name="aiwatch-*")
    where_any.cluster.delete_component_template(name="aiwatch-*")


@pytest.fixture(scope="module")
def start_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts a Prometheus with the ``prometheus.yml`` of a folder; stopped after the module."""
    with ExitStack() as servers:
        yield lambda config_dir: servers.enter_context(
            run.prometheus(tmp_path_factory.mktemp("prometheus"), config_dir)
        )


@pytest.fixture(scope="module")
def start_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts an Alertmanager with a configuration file; stopped after the module."""
    with ExitStack() as servers:
        yield lambda config_file: servers.enter_context(
            run.alertmanager(tmp_path_factory.mktemp("alertmanager"), config_file)
        )


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The promtool of the Prometheus that the tests start."""
    return ensure_prometheus() / "promtool"


@pytest.fixture(scope="session")
def amtool() -> Path:
    """The amtool of the Alertmanager that the tests start."""
    return ensure_alertmanager() / "amtool"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole demo: real servers, a past, simulated processes at work. Its last test may stop the latter."""
    with ExitStack() as stack:
        yield start_stack(stack, Folders(ROOT, tmp_path_factory.mktemp("demo")), DEMO_DAYS, say_to_stderr)
