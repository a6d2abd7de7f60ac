"""A chatbot and a model that write their logs, and the exporter that follows both and is done harm to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.faults.scores import Scores
from bench.faults.shown import scrape, value
from bench.faults.truth import Truth
from bench.faults.world import ZERO_SECONDS, World

ROOT = Path(__file__).resolve().parents[2]
AIWATCH = ("-c", "from aiwatch.cli import main; main()")
PATIENCE_SECONDS = 60.0


class RigError(Exception):
    """The exporter did not do what it must under this fault; the message says what."""


class Rig:
    """Folders, log, truth and exporter of one fault. Use as a context manager: the exporter ends with it."""

    def __init__(self, world: World, name: str, *, seed: int = 1, nameless_share: float = 0.1) -> None:
        """Lay out the folders of the fault ``name``, which is also that of the process in the catalogue."""
        self.world = world
        self.name = name
        self.folder = world.folder / name
        self.log = self.folder / "logs" / name / "chat.jsonl"
        self.state = self.folder / "state"
        self.truth = Truth(seed, nameless_share=nameless_share)
        self.scores = Scores(f"{name}-model", seed)
        self.scored = self.folder / "logs" / self.scores.process / "scores.jsonl"
        self.elasticsearch = world.elasticsearch.url
        self.options: list[str] = []  # of `aiwatch export`, besides the usual ones
        self.resent = False  # lines may have come more than once, nobody knows how often
        self.began = time.time()
        self._errors = self.folder / "stderr"
        self._process: subprocess.Popen[bytes] | None = None
        self.stack = ExitStack()  # what the fault set up: undone after the verdict
        self.log.parent.mkdir(parents=True)
        (self.folder / "catalogue" / "processes").mkdir(parents=True)
        self.scored.parent.mkdir(parents=True)
        self.scores.describe(self.folder / "catalogue")
        self.watch("*.jsonl")

    def __enter__(self) -> Rig:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the exporter, and undo what the fault set up."""
        with self.stack:
            self.kill()

    def watch(self, pattern: str) -> None:
        """Let the catalogue name these files of the log's folder."""
        path = json.dumps(f"{self.name}/{pattern}")
        logs = "".join(
            f"  - {{path: {path}, record: {record}, when: {{type: {record}}}}}\n"
            for record in ("interaction", "feedback")
        )
        (self.folder / "catalogue" / "processes" / f"{self.name}.yml").write_text(
            f"name: {self.name}\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\nlogs:\n{logs}"
        )

    # -- the chatbot and the model ------------------------------------------------------------------------------

    def write(self, number: int) -> None:
        """Append so many lines to the chatbot's log, and a quarter as many to the model's."""
        with self.log.open("ab") as log:
            log.write(self.truth.make(number))
        with self.scored.open("ab") as log:
            log.write(self.scores.make(number // 4))

    def feed(self, seconds: float, lines: int = 4, until: Callable[[], bool] = lambda: False) -> bool:
        """Append a few lines every 5 ms, for some seconds or until something is so; return whether it is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if until():
                return True
            self.write(lines)
            time.sleep(0.005)
        return until()

    # -- the exporter --------------------------------------------------------------------------------------

    def spawn(self, *options: str, fault: str | None = None) -> None:
        """Start the exporter; ``fault`` is one of `bench.faults.exporter`."""
        program = AIWATCH if fault is None else ("-m", "bench.faults.exporter", fault, "--")
        self._said = self._errors.stat().st_size if self._errors.exists() else 0
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *program, "export", *self.arguments, *options], stdout=errors, stderr=errors, cwd=ROOT
            )

    @property
    def arguments(self) -> list[str]:
        """Options of `aiwatch export` that every run has."""
        return [
            f"--catalogue={self.folder / 'catalogue'}",
            f"--logs={self.folder / 'logs'}",
            f"--state={self.state}",
            f"--elasticsearch={self.elasticsearch}",
            f"--api-key-file={self.world.key}",
            f"--listen=127.0.0.1:{self.world.port}",
            f"--zero-seconds={ZERO_SECONDS}",
            *self.options,
        ]

    def start(self, *options: str, fault: str | None = None) -> None:
        """Start the exporter and wait until it serves its metrics."""
        self.spawn(*options, fault=fault)
        self.wait(lambda: "metrics on" in self.said(), "serve its metrics")

    def said(self) -> str:
        """Return what the exporter wrote to standard error since it was started."""
        return self._errors.read_bytes()[self._said :].decode(errors="replace")

    @property
    def running(self) -> bool:
        """Whether the exporter lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill -9 the exporter, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def strike(self) -> None:
        """Kill -9 the exporter, which must not have ended by itself.

        Raises:
            RigError: it had.
        """
        if not self.running:
            raise RigError(f"the exporter ended: {self.said()[-500:]}")
        self.kill()

    def stop(self) -> None:
        """Stop the exporter as a user does.

        Raises:
            RigError: it failed, or does not stop.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            raise RigError("the exporter does not stop on SIGTERM") from None
        if code:
            raise RigError(f"the exporter ended with {code}: {self.said()[-500:]}")

    def ended(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Return the exit code of an exporter that ends by itself."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise RigError("the exporter does not end") from None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of aiwatch to its end."""
        command = [sys.executable, *AIWATCH, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS, cwd=ROOT)

    def once(self) -> dict[str, Any]:
        """Read what is left with `aiwatch export --once`, and return its counts."""
        done = self.run("export", *self.arguments, "--once", "--json")
        if done.returncode:
            raise RigError(f"aiwatch export --once ended with {done.returncode}: {done.stderr[-500:]}")
        counts: dict[str, Any] = json.loads(done.stdout)
        return counts

    # -- looking at it -------------------------------------------------------------------------------------

    def metric(self, name: str) -> float:
        """Return the sum of a metric's series; -1 while /metrics cannot be read."""
        try:
            return value(scrape(self.world.port), name)
        except (OSError, ValueError):
            return -1.0

    def caught_up(self) -> bool:
        """Tell whether every line that was written has been committed."""
        lines = self.truth.counters["aiwatch_lines_read_total", ()] + self.scores.lines
        return self.metric("aiwatch_lag_bytes") == 0 and self.metric("aiwatch_lines_read_total") == lines

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the exporter does something.

        Raises:
            RigError: it ended, or does not do it in time.
        """
        end = time.monotonic() + seconds
        while not condition():
            if not self.running:
                raise RigError(f"the exporter ended: {self.said()[-500:]}")
            if time.monotonic() > end:
                raise RigError(f"the exporter does not {what} within {seconds:.0f} s: {self.said()[-500:]}")
            time.sleep(0.02)

    def catch_up(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every line that was written has been committed."""
        self.wait(self.caught_up, "catch up", seconds)
