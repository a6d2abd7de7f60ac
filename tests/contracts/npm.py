"""Types that others publish on npm, and the compiler that holds values to them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "build"
_COMPILER = [
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


def install(package: Path, folder: str) -> Path:
    """Install what ``package`` (a package.json) names, once, into a folder of the build; return that folder.

    The calling test is skipped, loudly, where there is no npm.
    """
    cache = BUILD / folder
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"{folder.upper()} ARE NOT CHECKED: npm is missing; install Node.js 20 or newer")
    wanted = package.read_text()
    stamp = cache / "installed.json"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        shutil.copy(package, cache)
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm cannot install {package}: {done.stderr}"
        stamp.write_text(wanted)
    return cache


def complaints(cache: Path, types: Path, folder: Path, type_: str, values: dict[str, str]) -> str:
    """Return what the compiler says of values (JSON by name) as of the type ``type_`` that ``types`` exports."""
    shutil.copy(types, folder)
    files = []
    for name, text in values.items():
        file = folder / f"{name}.ts"
        file.write_text(f"import type {{ {type_} }} from './{types.stem}.js';\nexport const value: {type_} = {text};\n")
        files.append(str(file))
    modules = folder / "node_modules"
    if not modules.exists():
        os.symlink(cache / "node_modules", modules)
    (folder / "package.json").write_text('{"type": "module"}')
    compiler = cache / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([compiler, *_COMPILER, *files], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr
