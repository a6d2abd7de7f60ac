"""No component is forgotten: each module that is one is named where components are registered."""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import aiwatch
from aiwatch.commands import COMMANDS
from aiwatch.detect.tests import TESTS
from aiwatch.kinds import KINDS
from aiwatch.provision.generators import GENERATORS

ROOT = Path(__file__).parents[1]
PACKAGE = Path(aiwatch.__file__).parent
KINDS_SHARE = ("base", "drift", "folding", "options", "prediction", "response", "shared")


def module_names(folder: str, *shared: str) -> list[str]:
    """Return the modules of a folder; ``shared`` are those that components build upon."""
    found = sorted(path.stem for path in (PACKAGE / folder).glob("*.py") if path.stem != "__init__")
    missing = set(shared) - set(found)
    assert not missing, f"{missing} of {folder} are gone: strike them from this list"
    return [name for name in found if name not in shared]


def load(folder: str, name: str) -> ModuleType:
    return importlib.import_module(f"aiwatch.{folder.replace('/', '.')}.{name}")


@pytest.mark.parametrize("name", module_names("kinds", *KINDS_SHARE))
def test_every_module_of_kinds_is_a_kind_of_its_name_and_registered(name: str) -> None:
    kind = load("kinds", name).KIND
    assert kind in KINDS
    assert kind.name == name


@pytest.mark.parametrize("name", module_names("provision/generators"))
def test_every_generator_is_registered(name: str) -> None:
    assert load("provision/generators", name).generate in GENERATORS


@pytest.mark.parametrize("name", module_names("commands", "shared"))
def test_every_command_is_registered_under_the_name_of_its_module(name: str) -> None:
    command = getattr(load("commands", name), name)
    assert isinstance(command, click.Command)
    assert name in COMMANDS
    assert command.name == name


@pytest.mark.parametrize("name", module_names("detect/tests", "relations"))
def test_every_statistical_test_is_registered_under_the_name_of_its_module(name: str) -> None:
    test = load("detect/tests", name).TEST
    assert test in TESTS
    assert test.name == name


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        ("kinds", KINDS_SHARE),
        ("ingest/sinks", ()),
        ("respond/adapters", ("contract", "http_call")),
        ("detect/tests", ()),
    ],
)
def test_siblings_are_kept_apart_by_the_import_contracts(folder: str, shared: tuple[str, ...]) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    siblings = {f"aiwatch.{folder.replace('/', '.')}.{name}" for name in module_names(folder, *shared)}
    assert siblings in [set(contract["modules"]) for contract in contracts if contract["type"] == "independence"]


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, and what it imports from them, which may be modules too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_of_the_data_half_is_used_by_another_one() -> None:
    """Sources and sinks have no registry: what puts the exporter together imports them."""
    used = {path: set(imported(path)) for path in PACKAGE.rglob("*.py")}
    for path in sorted((PACKAGE / "ingest").rglob("*.py")):
        name = ".".join(("aiwatch", *path.relative_to(PACKAGE).with_suffix("").parts))
        if path.stem != "__init__":
            assert any(name in names for user, names in used.items() if user != path), f"nothing uses {name}"
