"""A fresh clone of the project, and the next version of it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tests.compose.stack import expect

ROOT = Path(__file__).resolve().parents[2]
FILES = (".dockerignore", "Makefile", "README.md", "docker-compose.yml", "pyproject.toml")
FOLDERS = ("catalogue", "exporters", "grafana", "prometheus")
NEW_FIELD = "upgraded"
NEW_TITLE = "All AI processes, upgraded"
_COPIED_ONLY = shutil.ignore_patterns("__pycache__", "*.egg-info")


def prepare(folder: Path) -> None:
    """Lay out a clone, and a folder for logs of one's own."""
    shutil.rmtree(folder, ignore_errors=True)
    clone = folder / "clone"
    clone.mkdir(parents=True)
    (folder / "logs").mkdir()
    for name in FILES:
        shutil.copy2(ROOT / name, clone)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, clone / name, ignore=_COPIED_ONLY)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def next_version(clone: Path) -> str:
    """Bring a clone what a `git pull` could: another index template, dashboard and version; return the version."""
    version = re.search(r'^version = "(.*)"$', (clone / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    new = f"{version[1]}.post1"
    _replace(clone / "pyproject.toml", f'version = "{version[1]}"', f'version = "{new}"')
    _replace(clone / "docker-compose.yml", f"aiwatch:{version[1]}", f"aiwatch:{new}")
    generators = clone / "exporters" / "aiwatch" / "provision" / "generators"
    _replace(generators / "elasticsearch_templates.py", '"id": KEYWORD,', f'"id": KEYWORD, "{NEW_FIELD}": KEYWORD,')
    _replace(generators / "dashboard_overview.py", '"All AI processes"', f'"{NEW_TITLE}"')
    return new


def _replace(path: Path, old: str, new: str) -> None:
    """Replace a text where it stands first, leaving the file as old as it was: `make` shall not install it."""
    held, times = path.read_text(), path.stat()
    expect(old in held, f"{path.name} has no {old}")
    path.write_text(held.replace(old, new, 1))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
