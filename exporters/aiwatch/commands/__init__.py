"""The commands of the command line, one file each, registered here by name.

By name, as a command imports much: one that runs for months shall not hold what only others need.
"""

COMMANDS = (
    "provision",
    "export",
    "respond",
    "gate",
    "resume",
    "backfill",
    "baseline",
    "checkpoint",
    "deadletter",
    "demo",
    "drift",
    "setup",
    "doctor",
)
