"""Exporters as processes of their own, as users run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.engine import data
from bench.engine.drain import Drained
from bench.engine.timing import CORES

_PATIENCE_SECONDS = 1800


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder beside the data, and remove it."""
    data.FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=data.FOLDER) as folder:
        yield Path(folder).absolute()


def lay_out(folder: Path, logs: Sequence[Path], process: str = data.CHAT) -> Path:
    """Return ``folder`` with ``logs`` as the logs of a process.

    A log that comes again is copied, the n-th time without its first n lines: a file that begins like another one
    would be taken for that one, rotated.
    """
    target = folder / "logs" / process
    target.mkdir(parents=True)
    for number, log in enumerate(logs):
        place = target / f"{number:03d}.jsonl"
        again = logs[:number].count(log)
        if not again:
            os.link(log, place)
            continue
        with log.open("rb") as original, place.open("wb") as copy:
            for _ in range(again):
                original.readline()
            shutil.copyfileobj(original, copy, 2**20)
    return folder


def pinned(command: Sequence[str | Path], core: int | None) -> list[str | Path]:
    """Return a command that runs on one core, or on all of them when ``core`` is None."""
    return list(command) if core is None else ["taskset", "--cpu-list", str(CORES[core % len(CORES)]), *command]


def start_drain(
    folder: Path, catalogue: Path, url: str, core: int | None, key: Path | None = None
) -> subprocess.Popen[str]:
    """Start to drain the logs in ``folder``; `finish` waits for it."""
    program: list[str | Path] = [sys.executable, "-m", "bench.engine.drain"]
    command = [*program, catalogue, folder / "logs", folder / "state", url, *([key] if key else [])]
    return subprocess.Popen(pinned(command, core), stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Drained:
    """Return what draining took.

    Raises:
        RuntimeError: it failed; its output says why.
    """
    try:
        said, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"the exporter ended with {process.returncode}")
    return msgspec.json.decode(said, type=Drained)


@contextmanager
def following(
    folder: Path, catalogue: Path, url: str, listen: str, core: int | None = None, key: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `aiwatch export` on the logs in ``folder`` until the end of the block; its messages go to a log there."""
    program = Path(sys.executable).with_name("aiwatch")
    places: list[str | Path] = ["--catalogue", catalogue, "--logs", folder / "logs", "--state", folder / "state"]
    command = [program, "export", *places, "--elasticsearch", url, "--listen", listen, "--zero-seconds", "1"]
    if key is not None:
        command += ["--api-key-file", key]
    with (
        (folder / "export.log").open("wb") as log,
        subprocess.Popen(pinned(command, core), stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
