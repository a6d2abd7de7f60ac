"""Every example in README and docs is run: files are written, commands executed, their output compared."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aiwatch import names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w+)(?: file(\+?)=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


@dataclass(frozen=True)
class Block:
    language: str
    append: bool
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(language, bool(append), file, text) for language, append, file, text in _BLOCK.findall(page.read_text())
    ]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Return each command of a console block and the output that it promises."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, "PATH": path}, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_they_say(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checker = doctest.OutputChecker()
    for block in blocks(page):
        if block.file:
            target = tmp_path / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            before = target.read_text() if block.append else ""
            target.write_text(before + block.text)
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), {})
        elif block.language == "console":
            for command, promised in commands(block.text):
                shown = run(command, tmp_path)
                assert checker.check_output(promised, shown, doctest.ELLIPSIS), f"$ {command}\n{shown}"


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").rglob("*/*.md"))], ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.reference", "--check"], cwd=ROOT, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout


def test_the_reference_names_every_metric() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    metrics = [name for name in vars(names).values() if re.fullmatch(r"ai(?:watch)?_\w+", str(name))]
    assert len(metrics) > 40
    assert [name for name in metrics if f"| `{name}` |" not in page] == []
