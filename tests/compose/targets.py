"""Proofs through `make`, whose targets are how people handle the containers."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from tests.compose.counts import counts_agree, documents
from tests.compose.shell import ComposeTestError
from tests.compose.stack import Stack, expect

_LOOKED_AT_SECONDS = 20


def make_status_and_logs(stack: Stack) -> str:
    """`make status`, `logs`, `password` and `doctor` show a stack that is well."""
    services = stack.services(demo=False)
    status = stack.make("status")
    for name in services:
        expect(name in status, f"make status does not show {name}")
    logs = _watch(stack, "logs", ARGS=" ".join(services))
    for name in ("elasticsearch", "exporter", "prometheus"):
        expect(f"{name}-1 " in logs, f"make logs does not show {name}")
    command = stack.make("password").strip().splitlines()[-1].strip()
    expect("docker compose exec grafana cat " in command, f"make password prints {command}")
    if "grafana" in services:
        expect(len(stack.run(*command.split()).strip()) > 20, "that is no password")
    found = stack.make("doctor")
    expect("error " not in found and " 0 wrong" in found, f"make doctor prints {found}")
    return f"{len(services)} services; the doctor: {found.strip().splitlines()[-1]}"


def down_and_up(stack: Stack) -> str:
    """After `make down` and `make up` everything is there, and nothing is counted twice."""
    stack.make("down")
    expect(not stack.containers(), f"{sorted(stack.containers())} are left")
    stack.make("up", ARGS=" ".join(stack.services(demo=False)))
    return counts_agree(stack)


def backup_and_restore(stack: Stack) -> str:
    """`make restore` brings back what `make backup` wrote, into empty volumes; a file that is cut changes nothing."""
    counts_agree(stack)
    expected, started = documents(stack), stack.started()
    archive = Path(stack.make("backup").strip().splitlines()[-1])
    expect(archive.parent == Path("backups"), f"make backup prints {archive}")
    expect(all(stack.healthy(name) for name in started if not name.startswith("demo-")), "not all runs again")
    with tarfile.open(stack.clone / archive) as held:
        volumes = {name.partition("/")[0] for name in held.getnames()}
    expect({"elasticsearch-data", "prometheus-data", "secrets", "state"} <= volumes, f"it has {sorted(volumes)} alone")
    size = (stack.clone / archive).stat().st_size
    wanted = " ".join(stack.services(demo=False))

    cut = archive.with_suffix(".cut")
    (stack.clone / cut).write_bytes((stack.clone / archive).read_bytes()[: size // 2])
    refused = stack.attempt(*stack.make_command("restore", FROM=str(cut), ARGS=wanted))
    expect(refused.returncode != 0, "a backup that is cut in half was restored")
    expect(documents(stack) == expected, f"a backup that cannot be read cost documents: {refused.stdout}")

    stack.make("restore", FROM=str(archive), ARGS=wanted)
    expect(documents(stack) == expected, f"{documents(stack)} are left of {expected}")
    return f"{size / 2**20:.0f} MiB, {sum(expected.values())} documents"


def _watch(stack: Stack, target: str, **variables: str) -> str:
    """Return what a target that does not end by itself prints in some seconds."""
    command = ["timeout", "--signal=INT", str(_LOOKED_AT_SECONDS), *stack.make_command(target, **variables)]
    done = subprocess.run(
        command, cwd=stack.clone, env=stack.environment, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 124:
        raise ComposeTestError(f"make {target} ended by itself ({done.returncode}): {done.stderr.strip()}")
    return done.stdout
