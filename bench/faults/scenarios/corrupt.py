"""Corrupt lines, which are mended and replayed."""

from __future__ import annotations

import base64
import json

from bench.faults.fault import Fault
from bench.faults.rig import Rig, RigError

_LINES_EACH = 250  # how many lines are written while one of every hundred is corrupt, for each one asked for


def mended(rig: Rig, times: int) -> int:
    """Write lines of which 1 % are corrupt, mend all the dead letters and replay them; the exporter is killed too."""
    rig.start()
    while len(rig.truth.corrupt) < times:
        rig.write(_LINES_EACH)
        rig.feed(0.05)
    rig.catch_up()
    spoiled = len(rig.truth.corrupt)
    listed = rig.run("deadletter", "list", "--json", f"--state={rig.state}").stdout.splitlines()
    letters = [json.loads(line) for line in listed]
    for letter in letters:
        line = base64.b64decode(letter.pop("line_base64", "")) or letter["line"].encode()
        letter["line"] = rig.truth.mend(line).decode()
    mended = rig.folder / "mended.ndjson"
    mended.write_text("".join(json.dumps(letter) + "\n" for letter in letters))
    replayed = rig.run("deadletter", "replay", str(mended), f"--state={rig.state}")
    if f"{spoiled} lines will be read again" not in replayed.stdout:
        raise RigError(f"{spoiled} lines are corrupt, but aiwatch said: {replayed.stdout}{replayed.stderr}")
    rig.strike()
    rig.start()
    return spoiled


FAULTS = (Fault("corrupt", "1 % corrupt lines of eleven kinds, mended and replayed", mended, 110, 11),)
