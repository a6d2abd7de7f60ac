"""All that is generated from a small catalogue, compared byte by byte with ``tests/golden/tree``.

A change of what is generated shows here as a diff to be read; `make golden` then renews the tree.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aiwatch.catalogue.load import load_catalogue
from aiwatch.catalogue.model import Catalogue
from aiwatch.kinds import KINDS
from aiwatch.provision import tree
from aiwatch.provision.generators import OWNED, generate_all
from tools.servers.install import ensure_alertmanager, ensure_prometheus

GOLDEN = Path(__file__).parents[1] / "golden"
RENEW = "after reading the diff, renew tests/golden/tree: make golden"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(GOLDEN / "catalogue")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_generated_tree_is_the_golden_one(catalogue: Catalogue) -> None:
    differences = tree.check(generate_all(catalogue), GOLDEN / "tree", OWNED)
    if differences:
        pytest.fail("\n\n".join([*map(str, differences), RENEW]), pytrace=False)


def test_nothing_but_what_is_generated_is_in_the_golden_tree(catalogue: Catalogue) -> None:
    files = {path.relative_to(GOLDEN / "tree").as_posix() for path in (GOLDEN / "tree").rglob("*") if path.is_file()}
    assert files == set(generate_all(catalogue))


def test_the_golden_catalogue_holds_every_kind_and_every_way_to_notify(catalogue: Catalogue) -> None:
    assert {process.kind.name for process in catalogue.processes} == {kind.name for kind in KINDS}
    ways = {way for receiver in catalogue.framework.receivers for way in receiver.model_fields_set - {"name"}}
    assert ways == set(type(catalogue.framework.receivers[0]).model_fields) - {"name"}


def test_promtool_accepts_the_golden_rules(catalogue: Catalogue) -> None:
    rules = sorted((GOLDEN / "tree" / "prometheus" / "generated" / "rules").glob("*.yml"))
    assert len(rules) == len(catalogue.processes) + 1
    done = run(ensure_prometheus() / "promtool", "check", "rules", *rules)
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_accepts_the_golden_routes() -> None:
    done = run(
        ensure_alertmanager() / "amtool",
        "check-config",
        GOLDEN / "tree" / "prometheus" / "generated" / "alertmanager.yml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
