#!/usr/bin/python3 -IS
"""An OCI runtime for a machine that may not raise limits: it lowers what a container asks for, and runs runc.

Limits above the machine's own, a negative OOM score, capabilities outside of the bounding set. Whatever it lowers it
notes in RUNC_CLAMP_LOG: that was not tested.
"""

import json
import os
import re
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

CAPABILITIES = re.findall(
    r"\w+",
    """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""",
)  # in the kernel's order: the number of a capability is its bit


def bounding_set() -> set[str]:
    """Return the capabilities that this process, and so a container, can have."""
    lines = Path("/proc/self/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd"))
    return {f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1}


def clamp(process: dict[str, Any]) -> list[str]:
    """Lower what ``process`` asks for, and return notes of what was lowered."""
    notes = []
    possible = bounding_set()
    for limit in process.get("rlimits") or []:
        hard = resource.getrlimit(getattr(resource, limit["type"]))[1]
        for field in ("hard", "soft") if hard != resource.RLIM_INFINITY else ():
            if limit[field] > hard:
                notes.append(f"{limit['type']}.{field} {limit[field]} -> {hard}")
                limit[field] = hard
    if "CAP_SYS_RESOURCE" not in possible and (process.get("oomScoreAdj") or 0) < 0:
        notes.append(f"oomScoreAdj {process['oomScoreAdj']} -> 0")
        process["oomScoreAdj"] = 0
    for kind, held in (process.get("capabilities") or {}).items():
        gone = [name for name in held if name not in possible]
        if gone:
            notes.append(f"capabilities.{kind} -{','.join(gone)}")
            held[:] = [name for name in held if name in possible]
    return notes


def option(arguments: list[str], *names: str) -> str | None:
    """Return the value of an option, None when it is not given."""
    for index, argument in enumerate(arguments):
        for name in names:
            if argument == name:
                return arguments[index + 1]
            if argument.startswith(f"{name}="):
                return argument.partition("=")[2]
    return None


def main() -> None:
    """Change the container's description where it has to be, then become runc."""
    arguments = sys.argv[1:]
    path = None
    if {"create", "run"} & set(arguments):
        path = Path(option(arguments, "--bundle", "-b") or ".", "config.json")
    elif "exec" in arguments and (described := option(arguments, "--process", "-p")):
        path = Path(described)
    if path and path.exists():
        description = json.loads(path.read_text())
        notes = clamp(description.get("process", description))
        if notes:
            path.write_text(json.dumps(description))
            with open(os.environ["RUNC_CLAMP_LOG"], "a") as log:
                log.write(f"{arguments[-1][:12]} {'; '.join(notes)}\n")
    os.execv(shutil.which("runc", path="/usr/sbin:/usr/bin:/sbin:/bin") or "runc", ["runc", *arguments])


if __name__ == "__main__":
    main()
