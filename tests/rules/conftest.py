"""A small catalogue, what is generated from it, and the tools that check it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.provision.generators import alertmanager, framework_rules, process_rules
from tools.servers.install import ensure_alertmanager, ensure_prometheus

HERE = Path(__file__).parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """What ``catalogue.yml`` beside this file says."""
    written = yaml.safe_load((HERE / "catalogue.yml").read_text(encoding="utf-8"))
    processes = sorted(written["processes"], key=lambda process: process["name"])
    return Catalogue(
        Framework.model_validate(written["framework"]), tuple(build_process(process) for process in processes)
    )


@pytest.fixture(scope="session")
def project(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `prometheus/` as it is when provisioned from the catalogue, and the rule tests beside it."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(HERE.parents[1] / "prometheus", root / "prometheus", ignore=shutil.ignore_patterns("generated"))
    for generate in (process_rules.generate, framework_rules.generate, alertmanager.generate):
        for path, text in generate(catalogue).items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    shutil.copytree(HERE, root / "tests", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


def _runner(tool: Path) -> Run:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture(scope="session")
def promtool() -> Run:
    """Runs promtool; the result carries its output and exit status."""
    return _runner(ensure_prometheus() / "promtool")


@pytest.fixture(scope="session")
def amtool() -> Run:
    """Runs amtool; the result carries its output and exit status."""
    return _runner(ensure_alertmanager() / "amtool")
