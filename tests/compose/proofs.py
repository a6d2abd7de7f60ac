"""What the test proves, one function each, in the order in which they build upon each other."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

import requests

from tests.compose.counts import counts_agree
from tests.compose.drift import baseline_of_the_past, drift_is_answered, gate_is_open
from tests.compose.faults import closed_volume, few_memory_maps, little_disk, port_taken, too_little_memory
from tests.compose.outages import restarts_elasticsearch, restarts_the_host, survives_kills
from tests.compose.shell import wait
from tests.compose.stack import Stack, expect
from tests.compose.targets import backup_and_restore, down_and_up, make_status_and_logs
from tests.compose.upgrade import upgrade
from tools.demo import report

ALERT_SECONDS = 300
OUR_USERS = {"0:0", ""}

Proof = Callable[[Stack], str]


def cold_start(stack: Stack) -> str:
    """`up --wait` with nothing prepared brings every service up, healthy."""
    took = stack.up(demo=False)
    found = stack.containers()
    for name, container in found.items():
        state = container["State"]
        fine = state["Health"]["Status"] == "healthy" if "Health" in state else state["ExitCode"] == 0
        expect(fine, f"{name} is {state['Status']}, exit code {state['ExitCode']}")
    return f"{took:.0f} s, {len(found)} containers"


def no_privileges(stack: Stack) -> str:
    """Containers run as users without privileges, on a root that they cannot write to."""
    found = stack.containers()
    for name, container in found.items():
        host = container["HostConfig"]
        expect(container["Config"]["User"] not in OUR_USERS, f"{name} runs as root")
        expect(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] > 0, f"{name} is not confined")
        for bindings in (host["PortBindings"] or {}).values():
            expect(all(each["HostIp"] == "127.0.0.1" for each in bindings), f"{name} listens everywhere")
    return f"{len(found)} containers"


def passwords_are_needed(stack: Stack) -> str:
    """Elasticsearch asks for a password, and each key may do what its part needs and nothing else."""
    url = stack.url("elasticsearch")
    expect(requests.get(f"{url}/_search", timeout=10).status_code == 401, "anybody may search")
    script = "cat /run/secrets/aiwatch/exporter-api-key"
    key = stack.compose("exec", "-T", "exporter", "sh", "-c", script).strip()
    headers = {"Authorization": f"ApiKey {key}"}
    answer = requests.delete(f"{url}/aiwatch-interactions-2020.01.01", headers=headers, timeout=10)
    expect(answer.status_code == 403, f"the exporter may delete: {answer.status_code}")
    expect(requests.get(f"{url}/_security/user", headers=headers, timeout=10).status_code == 403, "it sees the users")
    return "401 without, 403 beyond"


def targets_are_up(stack: Stack) -> str:
    """Prometheus reaches each service that shows metrics."""
    jobs = {"aiwatch-exporter", "aiwatch-drift", "aiwatch-responder", "prometheus", "alertmanager"}

    def up() -> bool:
        answer = requests.get(f"{stack.url('prometheus')}/api/v1/targets?state=active", timeout=10).json()
        found = {each["labels"]["job"]: each["health"] for each in answer["data"]["activeTargets"]}
        expect(found == dict.fromkeys(jobs, "up"), f"{found}")
        return True

    wait("not all targets are up", up, 60)
    return ", ".join(sorted(jobs))


def core_is_built(stack: Stack) -> str:
    """The exporter reads lines by its compiled core, or says that it has none."""
    script = "from aiwatch.ingest.core import AVAILABLE; print(AVAILABLE)"
    built = stack.compose("exec", "-T", "exporter", "python", "-c", script).strip() == "True"
    said = "without the compiled core" in stack.compose("logs", "--no-log-prefix", "exporter")
    expect(said != built, f"the core is {'' if built else 'not '}built, and the log {'denies' if said else 'hides'} it")
    return "by the compiled core" if built else "NOT BUILT: by Python alone, as the log says"


def demo_alert(stack: Stack) -> str:
    """The simulated processes run, and their alert reaches the inbox."""
    stack.up(demo=True)
    began = time.monotonic()
    wait(f"{report.ALERT} did not arrive", lambda: report.ALERT in stack.inbox(), ALERT_SECONDS)
    return f"{', '.join(sorted(stack.inbox()))} after {time.monotonic() - began:.0f} s"


def bad_catalogue(stack: Stack) -> str:
    """A catalogue with an error makes `provision` fail, the error its last line, and changes nothing."""
    framework = stack.clone / "catalogue" / "framework.yml"
    good = framework.read_text()
    before = _rules(stack)
    framework.write_text(good + "retentoin: 1d\n")
    try:
        done = stack.attempt("docker", "compose", "run", "--rm", "-T", "provision")
    finally:
        framework.write_text(good)
    last = (done.stdout + done.stderr).strip().splitlines()[-1]
    expect(done.returncode != 0, "it succeeded")
    expect("framework.yml:" in last and "retentoin" in last, f"its last line was {last!r}")
    expect(_rules(stack) == before, "the rules changed")
    return last


def edited_catalogue(stack: Stack) -> str:
    """A new process in the catalogue takes effect by `provision`, no container started again."""
    before = stack.started()
    (stack.clone / "catalogue" / "processes" / "returns-bot.yml").write_text(
        "name: returns-bot\ntitle: Returns bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
    )
    stack.compose("run", "--rm", "-T", "provision")
    wait("Prometheus does not know the new rules", lambda: "aiwatch-returns-bot" in _rules(stack), 30)
    wait("the exporter does not know the new process", lambda: 'process="returns-bot"' in stack.metrics(), 60)
    log = stack.logs / "returns-bot" / "a.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text('{"@timestamp":"2026-01-01T00:00:00.000Z","type":"interaction","id":"1","query":"hello",'
                   '"outcome":"answered"}\n')  # fmt: skip
    counted = 'aiwatch_records_total{process="returns-bot",record="interaction"} 1'
    wait("its line is not counted", lambda: counted in stack.metrics(), 60)
    expect(stack.started() == before, f"something was started again: {before}, {stack.started()}")
    return "rules, metrics and a line of its own, read from the folder of one's own logs"


def down_with_volumes(stack: Stack) -> str:
    """`down -v` leaves nothing behind."""
    stack.down("--volumes", "--remove-orphans")
    left = subprocess.run(
        ["docker", "volume", "ls", "--quiet", "--filter", "label=com.docker.compose.project=aiwatch-compose-test"],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expect(not left, f"volumes are left: {left}")
    return "no container, no volume"


PROOFS: tuple[Proof, ...] = (
    cold_start,
    no_privileges,
    passwords_are_needed,
    targets_are_up,
    core_is_built,
    gate_is_open,
    demo_alert,
    counts_agree,
    drift_is_answered,
    baseline_of_the_past,
    survives_kills,
    restarts_elasticsearch,
    restarts_the_host,
    bad_catalogue,
    edited_catalogue,
    make_status_and_logs,
    port_taken,
    too_little_memory,
    closed_volume,
    little_disk,
    few_memory_maps,
    upgrade,
    down_and_up,
    backup_and_restore,
    down_with_volumes,
)


def _rules(stack: Stack) -> set[str]:
    answer = requests.get(f"{stack.url('prometheus')}/api/v1/rules", timeout=10)
    return set(re.findall(r'"name":"(aiwatch[\w-]*)"', answer.text))
