"""What the test proves, one function each, in the order in which they build upon each other."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.compose.shell import say, wait
from tests.compose.stack import ROOT, Stack, expect
from tools.demo import report

ALERT_SECONDS = 300
AGREE_SECONDS = 120
SIMULATORS = ("demo-chatbot", "demo-fraud")
KILLED = ("exporter", "responder", "alertmanager", "prometheus", "elasticsearch")
OUR_USERS = {"0:0", ""}

Proof = Callable[[Stack, Path], str]


def cold_start(stack: Stack, folder: Path) -> str:
    """`up --wait` with nothing prepared brings every service up, healthy."""
    took = stack.up(demo=False)
    found = stack.containers()
    for name, container in found.items():
        state = container["State"]
        fine = state["Health"]["Status"] == "healthy" if "Health" in state else state["ExitCode"] == 0
        expect(fine, f"{name} is {state['Status']}, exit code {state['ExitCode']}")
    return f"{took:.0f} s, {len(found)} containers"


def no_privileges(stack: Stack, folder: Path) -> str:
    """Containers run as users without privileges, on a root that they cannot write to."""
    found = stack.containers()
    for name, container in found.items():
        host = container["HostConfig"]
        expect(container["Config"]["User"] not in OUR_USERS, f"{name} runs as root")
        expect(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] > 0, f"{name} is not confined")
        for bindings in (host["PortBindings"] or {}).values():
            expect(all(each["HostIp"] == "127.0.0.1" for each in bindings), f"{name} listens everywhere")
    return f"{len(found)} containers"


def passwords_are_needed(stack: Stack, folder: Path) -> str:
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


def demo_alert(stack: Stack, folder: Path) -> str:
    """The simulated processes run, and their alert reaches the inbox."""
    stack.up(demo=True)
    began = time.monotonic()
    wait(f"{report.ALERT} did not arrive", lambda: report.ALERT in stack.inbox(), ALERT_SECONDS)
    return f"{', '.join(sorted(stack.inbox()))} after {time.monotonic() - began:.0f} s"


def counts_agree(stack: Stack, folder: Path) -> str:
    """What was written is in both stores, no line less and none twice."""
    stack.compose("stop", *SIMULATORS)
    written = stack.written()
    prometheus = report.Prometheus(stack.url("prometheus"))
    expected = {record: (number, number) for record, number in written.items()}
    found: dict[str, tuple[int, int]] = {}

    def agree() -> bool:
        with stack.elasticsearch() as es:
            found.update(report.counts(prometheus, es))
        if found != expected:
            raise ValueError(f"written {written}, (Prometheus, Elasticsearch) hold {found}")
        return True

    wait("the stores do not agree", agree, AGREE_SECONDS)
    return ", ".join(f"{number} {record}s" for record, number in sorted(written.items()))


def survives_kills(stack: Stack, folder: Path) -> str:
    """Each service is killed in turn while lines are written; it comes back by itself and nothing is lost."""
    stack.up(demo=True)
    for name in (*KILLED, *(("grafana",) if "grafana" in stack.containers() else ())):
        say(f"  killing {name}")
        stack.crash(name)
    return f"{', '.join(KILLED)}: {counts_agree(stack, folder)}"


def restarts_elasticsearch(stack: Stack, folder: Path) -> str:
    """`docker compose restart elasticsearch` while lines are written loses nothing."""
    stack.up(demo=True)
    stack.compose("restart", "elasticsearch")
    wait("elasticsearch is not healthy", lambda: stack.healthy("elasticsearch"), 240)
    return counts_agree(stack, folder)


def bad_catalogue(stack: Stack, folder: Path) -> str:
    """A catalogue with an error makes `provision` fail, the error its last line, and changes nothing."""
    framework = folder / "catalogue" / "framework.yml"
    good = framework.read_text()
    before = _rules(stack)
    framework.write_text(good + "retentoin: 1d\n")
    try:
        done = stack.attempt("run", "--rm", "-T", "provision")
    finally:
        framework.write_text(good)
    last = (done.stdout + done.stderr).strip().splitlines()[-1]
    expect(done.returncode != 0, "it succeeded")
    expect("framework.yml:" in last and "retentoin" in last, f"its last line was {last!r}")
    expect(_rules(stack) == before, "the rules changed")
    return last


def edited_catalogue(stack: Stack, folder: Path) -> str:
    """A new process in the catalogue takes effect by `provision`, no container started again."""
    before = {name: each["State"]["StartedAt"] for name, each in stack.containers().items()}
    (folder / "catalogue" / "processes" / "returns-bot.yml").write_text(
        "name: returns-bot\ntitle: Returns bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"
    )
    stack.compose("run", "--rm", "-T", "provision")
    wait("Prometheus does not know the new rules", lambda: "aiwatch-returns-bot" in _rules(stack), 30)
    wait("the exporter does not know the new process", lambda: 'process="returns-bot"' in stack.metrics(), 60)
    log = folder / "logs" / "returns-bot" / "a.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text('{"@timestamp":"2026-01-01T00:00:00.000Z","type":"interaction","id":"1","query":"hello",'
                   '"outcome":"answered"}\n')  # fmt: skip
    counted = 'aiwatch_records_total{process="returns-bot",record="interaction"} 1'
    wait("its line is not counted", lambda: counted in stack.metrics(), 60)
    for name, each in stack.containers().items():
        if name in before and name not in ("secrets", "setup", *SIMULATORS):
            expect(each["State"]["StartedAt"] == before[name], f"{name} was started again")
    return "rules, metrics and a line of its own, read from the folder of one's own logs"


def backup_and_restore(stack: Stack, folder: Path) -> str:
    """A backup, restored into empty volumes, brings everything back."""
    expected = counts_agree(stack, folder)
    archive = folder / "backup.tar"
    stack.compose("stop")
    _pipe(stack, archive, "wb", "backup")
    stack.down("--volumes")
    _pipe(stack, archive, "rb", "restore")
    stack.up(demo=False)
    with stack.elasticsearch() as es:
        held = report.counts(report.Prometheus(stack.url("prometheus")), es)
    for record, (_, documents) in held.items():
        expect(f"{documents} {record}s" in expected, f"{documents} {record}s are left of {expected}")
    return f"{archive.stat().st_size / 2**20:.0f} MiB"


def down_and_up(stack: Stack, folder: Path) -> str:
    """After `down` and `up` everything is there, and nothing is counted twice."""
    stack.down()
    stack.up(demo=False)
    return counts_agree(stack, folder)


def down_with_volumes(stack: Stack, folder: Path) -> str:
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
    demo_alert,
    counts_agree,
    survives_kills,
    restarts_elasticsearch,
    bad_catalogue,
    edited_catalogue,
    down_and_up,
    backup_and_restore,
    down_with_volumes,
)


def prepare(folder: Path) -> None:
    """Lay out a catalogue to be edited, and a folder for logs of one's own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "catalogue", folder / "catalogue")
    (folder / "logs").mkdir()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _rules(stack: Stack) -> set[str]:
    answer = requests.get(f"{stack.url('prometheus')}/api/v1/rules", timeout=10)
    return set(re.findall(r'"name":"(aiwatch[\w-]*)"', answer.text))


def _pipe(stack: Stack, archive: Path, mode: str, service: str) -> None:
    command = ["docker", "compose", "run", "--rm", "-T", service]
    with archive.open(mode) as file:
        ends = {"stdout": file, "stdin": subprocess.DEVNULL} if mode == "wb" else {"stdin": file}
        subprocess.run(command, cwd=ROOT, env=stack.environment, check=True, timeout=600, **ends)  # type: ignore[call-overload]
