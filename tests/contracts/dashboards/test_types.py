"""The dashboards against the types that Grafana publishes for its dashboard JSON and for the options of its panels."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contracts.dashboards import sample

HERE = Path(__file__).parent
CACHE = Path(__file__).parents[3] / "build" / "dashboard-types"
COMPILER = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom",
]


@pytest.fixture(scope="module")
def compiler() -> Path:
    """Return the TypeScript compiler beside Grafana's types, installed once into the build folder."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("DASHBOARD TYPES ARE NOT CHECKED: npm is missing; install Node.js 20 or newer")
    wanted = (HERE / "package.json").read_text()
    stamp = CACHE / "installed.json"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        shutil.copy(HERE / "package.json", CACHE)
        install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(install, cwd=CACHE, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm cannot install Grafana's types: {done.stderr}"
        stamp.write_text(wanted)
    return CACHE / "node_modules" / ".bin" / "tsc"


def complaints(compiler: Path, folder: Path, pages: dict[str, str]) -> str:
    """Return what the compiler says of each page as a value of Grafana's type."""
    for name in ("types.ts",):
        shutil.copy(HERE / name, folder)
    files = []
    for name, text in pages.items():
        file = folder / f"{name}.ts"
        file.write_text(f"import type {{ Page }} from './types.js';\nexport const page: Page = {text};\n")
        files.append(str(file))
    modules = folder / "node_modules"
    if not modules.exists():
        os.symlink(CACHE / "node_modules", modules)
    (folder / "package.json").write_text('{"type": "module"}')
    done = subprocess.run([compiler, *COMPILER, *files], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def test_every_page_is_a_dashboard_by_grafanas_types(compiler: Path, tmp_path: Path) -> None:
    pages = {json.loads(text)["uid"]: text for text in sample.texts().values()}
    assert complaints(compiler, tmp_path, pages) == ""


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda page: page.pop("schemaVersion"), "schemaVersion"),
        (lambda page: page.update(refreshes="30s"), "refreshes"),
        (lambda page: page["links"][0].update(type="page"), '"page"'),
        (lambda page: page["panels"][0]["options"].update(colorMod="value"), "colorMod"),
        (lambda page: page["panels"][0]["fieldConfig"]["defaults"].update(unit=5), "number"),
    ],
    ids=["missing", "unknown", "value", "option", "type"],
)
def test_the_check_finds_a_broken_page(compiler: Path, tmp_path: Path, broken: object, complaint: str) -> None:
    page = sample.pages()["aiwatch-bot"]
    assert callable(broken)
    broken(page)
    assert complaint in complaints(compiler, tmp_path, {"broken": json.dumps(page)})
