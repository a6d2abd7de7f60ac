"""The commands of the command line, one file each, registered here."""

from __future__ import annotations

import click

from aiwatch.commands import (
    backfill,
    baseline,
    checkpoint,
    deadletter,
    demo,
    doctor,
    drift,
    export,
    gate,
    provision,
    respond,
    resume,
    setup,
)

COMMANDS: tuple[click.Command, ...] = (
    provision.provision,
    export.export,
    respond.respond,
    gate.gate,
    resume.resume,
    backfill.backfill,
    baseline.baseline,
    checkpoint.checkpoint,
    deadletter.deadletter,
    demo.demo,
    drift.drift,
    setup.setup,
    doctor.doctor,
)
