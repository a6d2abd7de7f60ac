"""``python -m tools.demo``: bring everything up, show that it works, and run until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from tools.demo import checks, report
from tools.demo.folders import Folders, emptied
from tools.demo.stack import Stack, start_stack
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
    say("waiting for the alerts that the fraud scores drift, and why, and for their retraining to be paused")
    drifts = {process: _drift(stack, process) for process in report.CAUSES}
    paused = {process: _paused(stack, process) for process in report.CAUSES}
    if once:
        say("stopping the simulated processes and comparing the stores with what they wrote")
        problems = checks.disagreements(stack, AGREE_SECONDS)
    else:
        problems = []
    if alert is None:
        problems.append(f"{report.ALERT} did not arrive within {ALERT_SECONDS} s")
    for process, cause in report.CAUSES.items():
        if drifts[process] is None:
            problems.append(f"{report.DRIFT} of {process}, by cause {cause}, did not arrive within {ALERT_SECONDS} s")
        if paused[process] is None:
            problems.append(f"aiwatch gate {process} does not say that retraining is paused")
    print(checks.addresses(stack))
    print(report.as_text(report.table(report.Prometheus(stack.prometheus.url), stack.es)))
    for found in filter(None, (alert, *drifts.values())):
        print(f"\n  {found['alertname']} of {found['process']} ({found['severity']}) was delivered:")
        print(f"  {found['annotations'].get('description')}")
        if found["alertname"] == report.DRIFT:
            print(f"  report: {found['annotations'].get('report_url')}")
    for process, reason in paused.items():
        print(f"\n  aiwatch gate {process} exits with {checks.PAUSED}: {reason}")
    sys.stdout.flush()
    for problem in problems:
        say(f"NOT AS PROMISED: {problem}")
    return 1 if problems else 0


def _drift(stack: Stack, process: str) -> dict[str, Any] | None:
    """Return the notification that a model drifts, with the cause that it has, once it is there."""
    return checks.wait(lambda: report.drifted(stack.responder.url, process), ALERT_SECONDS, stack.check)


def _paused(stack: Stack, process: str) -> str | None:
    """Return why a model may not be retrained, once that is so."""

    def reason() -> str | None:
        code, said = checks.gate(stack, process)
        return said if code == checks.PAUSED else None

    return checks.wait(reason, ALERT_SECONDS, stack.check)


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
