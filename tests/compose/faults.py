"""Proofs that `aiwatch doctor` names what is wrong, each with the fault made for real."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compose.shell import LeftOut, wait
from tests.compose.stack import Stack, expect

MAP_COUNT = Path("/proc/sys/vm/max_map_count")
_AIWATCH = str(Path(sys.executable).with_name("aiwatch"))
_MEMORY = "AIWATCH_ELASTICSEARCH_MEMORY"
_PORT = "AIWATCH_RESPONDER_PORT"
_FOUND_SECONDS = 60


def port_taken(stack: Stack) -> str:
    """The doctor names a service whose port is taken, the port, and the variable that changes it."""
    stack.compose("rm", "--stop", "--force", "responder")
    port = stack.ports[_PORT]
    with socket.create_server(("127.0.0.1", port)):
        expect(stack.attempt("docker", "compose", "up", "--detach", "responder").returncode != 0, "it was started")
        found = _finds(stack, "error    service responder: cannot be started", f"error    port {port}", f"{_PORT}=")
    stack.up(demo=False)
    return found


def too_little_memory(stack: Stack) -> str:
    """The doctor tells a service that is ended for want of memory from others, and how to give it more."""
    with _setting(stack, _MEMORY, "256m"):
        stack.compose("up", "--detach", "elasticsearch")
        found = _finds(stack, "error    service elasticsearch: needed more memory", f"{_MEMORY}=")
    with _setting(stack, _MEMORY, "1000g"):
        _finds(stack, "error    memory:", "too little for it and the others", f"{_MEMORY}=1g")
    stack.up(demo=False)
    return found


def closed_volume(stack: Stack) -> str:
    """The doctor says whose volume a service cannot write to; the command that it names repairs it."""
    owner = ("run", "--rm", "--no-deps", "-T", "--entrypoint=chown", "restore", "-R")
    stack.compose(*owner, "0:0", "/volumes/state")
    stack.compose("restart", "exporter")
    found = _finds(stack, "error    service exporter", "--entrypoint chown restore -R 1000:10000 /volumes/state")
    stack.run(*_command(found))
    wait("the exporter did not come back", lambda: stack.healthy("exporter"), 120)
    return found


def little_disk(stack: Stack) -> str:
    """The doctor says that Docker's disk is full; it sees a small one in its place."""
    root = stack.run("docker", "info", "--format", "{{.DockerRootDir}}").strip()
    small = 'mount -t tmpfs -o size=1g none "$1" && shift && exec "$@"'
    wrapped = ("unshare", "--mount", "sh", "-c", small, "sh", root)
    if stack.attempt(*wrapped, "true").returncode != 0:
        raise LeftOut("mounting a small disk takes an administrator, on the machine of the daemon")
    return _finds(stack, f"error    disk of {root}: 1.0 GiB are free", "make room", wrapper=wrapped)


def few_memory_maps(stack: Stack) -> str:
    """The doctor reads the kernel's vm.max_map_count, and names the command that raises it."""
    try:
        before = MAP_COUNT.read_text()
        MAP_COUNT.write_text(before)
    except OSError as error:
        raise LeftOut(f"the kernel's setting cannot be changed here: {error.strerror}") from None
    try:
        MAP_COUNT.write_text("262144")
        done = stack.attempt(_AIWATCH, "doctor")
        expect("ok       vm.max_map_count: 262144" in done.stdout, done.stdout)
        MAP_COUNT.write_text("65530")
        return _finds(stack, "warning  vm.max_map_count: 65530", "sysctl -w vm.max_map_count=262144")
    finally:
        MAP_COUNT.write_text(before)


def _finds(stack: Stack, first: str, *others: str, wrapper: tuple[str, ...] = ()) -> str:
    """Wait until the doctor says all of this, and return its finding that begins with ``first``."""
    said: list[str] = []

    def says() -> bool:
        done = stack.attempt(*wrapper, _AIWATCH, "doctor")
        said[:] = done.stdout.splitlines()
        wrong = any(line.startswith("error ") for line in said)
        expect(done.returncode == int(wrong), f"it exits {done.returncode}")
        missing = [each for each in (first, *others) if each not in done.stdout]
        expect(not missing, f"{missing} is not in:\n{done.stdout}{done.stderr}")
        return True

    wait("the doctor does not say so", says, _FOUND_SECONDS, every=3)
    at = next(index for index, line in enumerate(said) if line.startswith(first))
    return f"{said[at].partition(' ')[2].strip()} {said[at + 1].strip()}"


def _command(finding: str) -> list[str]:
    """Return the first command of docker compose in what a finding says to do."""
    return finding[finding.index("docker compose") :].partition(";")[0].split()


@contextmanager
def _setting(stack: Stack, variable: str, value: str) -> Iterator[None]:
    stack.environment[variable] = value
    try:
        yield
    finally:
        del stack.environment[variable]
