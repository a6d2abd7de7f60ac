"""Proofs that drift of a model is found, shown and answered, with the feed of the simulated fraud score broken."""

from __future__ import annotations

import os

import requests

from tests.compose.counts import counts_agree
from tests.compose.shell import wait
from tests.compose.stack import Stack, expect
from tools.demo import report
from tools.demo.checks import PAUSED
from tools.demo.stack import FRAUD

DRIFT_SECONDS = 420
_DAYS = "1.5"  # of past; the feed has been broken for the last one


def gate_is_open(stack: Stack) -> str:
    """A model of which nothing is known may be retrained, and has a page."""
    code, said = _gate(stack)
    expect(code == 0, f"aiwatch gate exits with {code}: {said}")
    for path, text in (("/models/", "Card fraud score"), (f"/models/{FRAUD}", "Never under review.")):
        expect(text in _page(stack, path), f"{path} does not say {text!r}")
    missing = requests.get(f"{stack.url('responder')}/reports/none", timeout=10)
    expect(missing.status_code == 404, f"a report that nobody wrote is answered with {missing.status_code}")
    return said


def drift_is_answered(stack: Stack) -> str:
    """A past with a broken feed becomes an alert with a report, and a gate that is closed."""
    stack.compose(
        "run", "--rm", "--no-deps", "-T", "demo-fraud", "demo", "history", "--logs=/logs/demo", f"--days={_DAYS}"
    )
    inbox = stack.url("responder")
    wait(f"{report.DRIFT} did not arrive", lambda: bool(report.delivered(inbox, FRAUD, report.DRIFT)), DRIFT_SECONDS)
    wait("the gate is not closed", lambda: _gate(stack)[0] == PAUSED, 30)
    alert = report.delivered(inbox, FRAUD, report.DRIFT)
    assert alert
    expect("cause: pipeline" in alert["annotations"]["description"], "the alert does not name the cause")
    expect(
        f"see {inbox}/models/{FRAUD}".replace("127.0.0.1", "localhost") in _gate(stack)[1], "the gate links elsewhere"
    )
    path = "/reports/" + alert["annotations"]["report_url"].rpartition("/")[2]
    expect("terminal_risk" in _page(stack, path), "the report does not name the feature whose feed broke")
    expect("Retraining is paused." in _page(stack, f"/models/{FRAUD}"), "the page of the model does not say so")
    said = (alert["annotations"]["description"], _gate(stack)[1])
    return "; ".join([*(each.splitlines()[0] for each in said), counts_agree(stack)])


def baseline_of_the_past(stack: Stack) -> str:
    """A baseline of what was predicted is written into the catalogue by its owner, and published to the services."""
    file = stack.clone / "catalogue" / "baselines" / f"{FRAUD}.json"
    before = file.read_bytes()
    user = f"{os.getuid()}:{os.getgid()}"
    said = stack.compose("run", "--rm", "-T", "--user", user, "baseline", FRAUD, "--since=2d", "--until=25h")
    try:
        expect(f"{FRAUD}.json written" in said, f"it said {said!r}")
        expect(file.read_bytes() != before and file.stat().st_uid == os.getuid(), "the file is not there, or another's")
        stack.compose("run", "--rm", "-T", "provision")
        applied = stack.compose("exec", "-T", "drift", "cat", f"/applied/catalogue/baselines/{FRAUD}.json")
        expect(applied == file.read_text(), "it was not published")
    finally:
        file.write_bytes(before)
        stack.compose("run", "--rm", "-T", "provision")
    return said.strip().splitlines()[-1]


def _gate(stack: Stack) -> tuple[int, str]:
    """Return the exit code and the text of `aiwatch gate`, as docs/respond.md has it for containers."""
    done = stack.attempt("docker", "compose", "exec", "-T", "responder", "aiwatch", "gate", FRAUD)
    return done.returncode, (done.stdout + done.stderr).strip()


def _page(stack: Stack, path: str) -> str:
    answer = requests.get(f"{stack.url('responder')}{path}", timeout=30)
    answer.raise_for_status()
    return answer.text
