"""``python -m tools.demo``: bring everything up, show that it works, and run until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from tools.demo import checks, report
from tools.demo.folders import Folders, emptied
from tools.demo.stack import FRAUD, Stack, start_stack
from tools.servers.commands import Say, ServerError

ROOT = Path(__file__).resolve().parents[2]
ALERT_SECONDS = 120
AGREE_SECONDS = 120


INTERRUPTED = 130


def main() -> int:
    """Run the demo and return the exit code: 0, 1 when something is not as promised, 130 when stopped before."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check everything, then stop by itself")
    parser.add_argument("--days", type=float, default=30, help="length of the past that is made (default: 30)")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "demo", help="for all that it writes (default: build/demo)"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()

    def say(message: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {message}", file=sys.stderr, flush=True)

    try:
        with ExitStack() as stack:
            work = stack.enter_context(emptied(arguments.folder.absolute()))
            stack.callback(lambda: say("everything is stopped"))
            running = start_stack(stack, Folders(ROOT, work), arguments.days, say)
            code = _show(running, arguments.once, say)
            if code == 0 and not arguments.once:
                _stay(running, say)
            return code
    except ServerError as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show(stack: Stack, once: bool, say: Say) -> int:
    """Wait for what is promised and print it; return the exit code."""
    say("waiting for the alert to arrive in the inbox")
    alert = checks.wait(lambda: report.delivered(stack.responder.url), ALERT_SECONDS, stack.check)
    say("waiting for the alert that the fraud score drifts, and for its retraining to be paused")
    drift = checks.wait(lambda: report.delivered(stack.responder.url, FRAUD, report.DRIFT), ALERT_SECONDS, stack.check)
    paused = checks.wait(lambda: _paused(stack), ALERT_SECONDS, stack.check)
    if once:
        say("stopping the simulated processes and comparing the stores with what they wrote")
        problems = checks.disagreements(stack, AGREE_SECONDS)
    else:
        problems = []
    if alert is None:
        problems.append(f"{report.ALERT} did not arrive within {ALERT_SECONDS} s")
    if drift is None:
        problems.append(f"{report.DRIFT} did not arrive within {ALERT_SECONDS} s")
    if paused is None:
        problems.append(f"aiwatch gate {FRAUD} does not say that retraining is paused")
    print(checks.addresses(stack))
    print(report.as_text(report.table(report.Prometheus(stack.prometheus.url), stack.es)))
    for found in filter(None, (alert, drift)):
        print(f"\n  delivered: {found['alertname']} ({found['severity']}): {found['annotations'].get('description')}")
    if drift:
        print(f"\n  report: {drift['annotations'].get('report_url')}")
    if paused:
        print(f"\n  aiwatch gate {FRAUD} exits with {checks.PAUSED}: {paused}")
    sys.stdout.flush()
    for problem in problems:
        say(f"NOT AS PROMISED: {problem}")
    return 1 if problems else 0


def _paused(stack: Stack) -> str | None:
    code, reason = checks.gate(stack)
    return reason if code == checks.PAUSED else None


def _stay(stack: Stack, say: Say) -> None:
    """Keep everything running until Ctrl-C.

    Raises:
        ServerError: something ended by itself.
    """
    say("running; Ctrl-C stops everything")
    try:
        while True:
            time.sleep(1)
            stack.check()
    except KeyboardInterrupt:
        say("stopping")


if __name__ == "__main__":
    sys.exit(main())
