"""``python -m tools.demo.baseline``: write the baselines of the demo's fraud scores, from three weeks of payments."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiwatch.demo.fraud.journal import MODEL_VERSION, PARTNER, PROCESS
from aiwatch.demo.fraud.model import train_fraud_model
from aiwatch.demo.fraud.run import write_history

CATALOGUE = Path(__file__).resolve().parents[2] / "catalogue"
_AIWATCH = (sys.executable, "-c", "from aiwatch.cli import main; main()")
_START = datetime(2026, 1, 5, tzinfo=UTC)
_LENGTH = timedelta(weeks=3)  # so that what is usual for an hour of the week can be told
_SEED = 7


def write_demo_baseline(catalogue: Path) -> str:
    """Write the baselines into a catalogue that describes the processes; return what the command says.

    The payments are the same for both, as both use one model, and each time; so are the files, with the same versions
    of numpy and scikit-learn.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = "payments.jsonl"
        write_history(Path(folder, log), train_fraud_model(), start=_START, end=_START + _LENGTH, seed=_SEED)
        return "".join(_write(process, catalogue, log, folder) for process in (PROCESS, PARTNER))


def _write(process: str, catalogue: Path, log: str, folder: str) -> str:
    command = [*_AIWATCH, "baseline", process, f"--catalogue={catalogue}", f"--version={MODEL_VERSION}"]
    done = subprocess.run([*command, "--from", log], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    print(write_demo_baseline(CATALOGUE), end="")
