"""The machine itself: ports, memory, settings of the kernel, disk, folders, clock."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiwatch.provision.doctor.finding import Finding

PORTS = {
    "AIWATCH_ELASTICSEARCH_PORT": 9200,
    "AIWATCH_PROMETHEUS_PORT": 9090,
    "AIWATCH_ALERTMANAGER_PORT": 9093,
    "AIWATCH_GRAFANA_PORT": 3000,
    "AIWATCH_EXPORTER_PORT": 9464,
    "AIWATCH_DRIFT_PORT": 9465,
    "AIWATCH_RESPONDER_PORT": 8080,
}
"""The variables of docker-compose.yml and their defaults."""

GIB = 2**30
ELASTICSEARCH_MEMORY = 2 * GIB  # as docker-compose.yml has it
MEMORY_NEEDED = 1 * GIB  # beside Elasticsearch's
MEMORY_WANTED = 3 * GIB  # what the limits of all others come to
MAP_COUNT_NEEDED = 262144
DISK_NEEDED = 5 * GIB
DISK_FULL = 0.85  # from there on Elasticsearch makes no new indices
CLOCK_SECONDS = 2.0
_OTHERS = stat.S_IROTH


def check_ports(environment: Mapping[str, str], ours: frozenset[int] = frozenset()) -> Iterator[Finding]:
    """Yield a finding for each port; those in ``ours`` are taken by aiwatch itself."""
    for variable, default in PORTS.items():
        text = environment.get(variable) or str(default)
        title = f"port {text}"
        if not text.isdigit() or not 0 < int(text) < 65536:
            yield Finding(title, "error", f"{variable} is no port", "set it to a number from 1 to 65535")
            continue
        port = int(text)
        if port in ours:
            yield Finding(title, "ok", "aiwatch listens there")
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except PermissionError:
                yield Finding(title, "unknown", "only an administrator may try it")
            except OSError as error:
                yield Finding(title, "error", f"cannot be had: {error.strerror}", f"choose another with {variable}=")
            else:
                yield Finding(title, "ok", "is free")


def check_memory(total: int | None, elasticsearch: str = "") -> Finding:
    """Judge the memory that containers may use.

    Args:
        total: in bytes, None when it is not known.
        elasticsearch: what of it was set for Elasticsearch, such as ``4g``.

    >>> check_memory(8 * GIB).level, check_memory(8 * GIB, "16g").level
    ('ok', 'error')
    """
    variable = "AIWATCH_ELASTICSEARCH_MEMORY"
    of_elasticsearch = memory_size(elasticsearch) if elasticsearch else ELASTICSEARCH_MEMORY
    if of_elasticsearch is None:
        return Finding(
            "memory", "error", f"{variable} is {elasticsearch!r}, no size", f"set {variable}=2g, for example"
        )
    if total is None:
        return Finding("memory", "unknown", "this system does not say how much there is")
    wanted = of_elasticsearch + MEMORY_WANTED
    seen = f"{total / GIB:.1f} GiB, of which Elasticsearch may take {of_elasticsearch / GIB:.1f}"
    if total < of_elasticsearch + MEMORY_NEEDED:
        less = f", or less to Elasticsearch with {variable}=1g" if of_elasticsearch > GIB else ""
        return Finding(
            "memory",
            "error",
            f"{seen}: too little for it and the others; one would be killed",
            f"give containers {wanted / GIB:.0f} GiB (Docker Desktop: Settings, Resources){less}",
        )
    if total < wanted:
        return Finding("memory", "warning", f"{seen}: enough for little traffic", f"{wanted / GIB:.0f} GiB are better")
    return Finding("memory", "ok", seen)


def memory_size(text: str) -> int | None:
    """Return the bytes that a size in docker-compose.yml stands for, None when it is none.

    >>> memory_size("1.5g"), memory_size("512MB"), memory_size("much")
    (1610612736, 536870912, None)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2] or " ")) if found else None


def memory_total(meminfo: str) -> int | None:
    """Return the bytes that ``/proc/meminfo`` names as total.

    >>> memory_total("MemTotal:        2048 kB\\n")
    2097152
    """
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            return int(rest.split()[0]) * 1024
    return None


def check_map_count(text: str | None) -> Finding:
    """Judge ``vm.max_map_count``, as the kernel shows it; None on a system without it."""
    if text is None:
        return Finding("vm.max_map_count", "unknown", "this system does not show it")
    if int(text) < MAP_COUNT_NEEDED:
        return Finding(
            "vm.max_map_count",
            "warning",
            f"{int(text)}; Elasticsearch fails once it holds many indices",
            f"sudo sysctl -w vm.max_map_count={MAP_COUNT_NEEDED}, and the same in /etc/sysctl.d/99-aiwatch.conf",
        )
    return Finding("vm.max_map_count", "ok", text.strip())


def check_disk(folder: Path) -> Finding:
    """Judge the disk that ``folder`` is on."""
    while not folder.exists():
        folder = folder.parent
    total, _, free = shutil.disk_usage(folder)
    title, seen = f"disk of {folder}", f"{free / GIB:.1f} GiB are free"
    if free < DISK_NEEDED:
        return Finding(title, "error", seen, f"make room: {DISK_NEEDED // GIB} GiB is the least")
    if free < (1 - DISK_FULL) * total:
        return Finding(
            title,
            "warning",
            f"{seen}, less than {1 - DISK_FULL:.0%} of it; Elasticsearch makes no new indices then",
            "make room",
        )
    return Finding(title, "ok", seen)


def check_logs(folder: Path, user: int = 1000, groups: frozenset[int] = frozenset({10000})) -> Finding:
    """Judge whether the exporter's user can read the folder of logs and what is in it."""
    title = f"logs in {folder}"
    if not folder.exists():
        return Finding(title, "warning", "there is no such folder", "make it, or name another with AIWATCH_LOGS=")
    hint = f"chmod -R o+rX {folder}, or AIWATCH_LOGS_GROUP=<number of the group that may read them>"
    if not folder.is_dir():
        return Finding(title, "error", "is no folder", "name one with AIWATCH_LOGS=")
    try:
        for path in [folder, *sorted(folder.rglob("*"))]:
            if not _readable(path, user, groups):
                return Finding(title, "error", f"the exporter may not read {path}", hint)
    except OSError as error:
        return Finding(title, "unknown", f"cannot be looked at: {error}", "run this as their owner")
    return Finding(title, "ok", "the exporter may read them")


def check_project(folder: Path) -> Iterator[Finding]:
    """Yield a finding for each folder of the project that the containers, as users of their own, read."""
    for name in ("catalogue", "prometheus", "grafana/provisioning"):
        place = folder / name
        if not place.is_dir():
            yield Finding(name, "error", "there is no such folder here", "run this in the folder of the project")
            continue
        closed = [path for path in [place, *sorted(place.rglob("*"))] if not _readable(path, -1, frozenset())]
        if closed:
            yield Finding(name, "error", f"containers may not read {closed[0]}", f"chmod -R o+rX {name}")
        else:
            yield Finding(name, "ok", "containers may read it")


def check_clock(here: float, there: float | None) -> Finding:
    """Judge the clock against the Docker daemon's; both in seconds since 1970, None when there is no daemon."""
    if there is None:
        return Finding("clock", "unknown", "there is no other clock to compare it with")
    difference = abs(here - there)
    if difference > CLOCK_SECONDS:
        return Finding(
            "clock",
            "error",
            f"this machine and its containers differ by {difference:.0f} seconds; events would be drawn at wrong times",
            "set both by a time server; restart Docker Desktop when the machine has slept",
        )
    return Finding("clock", "ok", f"differs from the containers' by {difference:.1f} seconds")


def _readable(path: Path, user: int, groups: frozenset[int]) -> bool:
    """Tell whether a user may read a file, or enter a folder; what is neither is passed over."""
    held = path.stat() if path.exists() else None
    if held is None or not (stat.S_ISDIR(held.st_mode) or stat.S_ISREG(held.st_mode)):
        return True
    bits = _OTHERS | (stat.S_IXOTH if stat.S_ISDIR(held.st_mode) else 0)
    shift = 6 if held.st_uid == user else 3 if held.st_gid in groups else 0
    return (held.st_mode >> shift) & bits == bits


def settings(text: str) -> dict[str, str]:
    """Return what a file ``.env`` sets.

    >>> settings("# ports\\nAIWATCH_GRAFANA_PORT=3001\\nNAME='a b'\\n")
    {'AIWATCH_GRAFANA_PORT': '3001', 'NAME': 'a b'}
    """
    lines = [line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")]
    return {name.removeprefix("export ").strip(): value.strip().strip("'\"") for name, _, value in lines}


def read_text(path: str) -> str | None:
    """Return a file's text, None when it cannot be read."""
    return Path(path).read_text() if os.access(path, os.R_OK) else None
