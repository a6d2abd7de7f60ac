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
    provision,
    respond,
    setup,
)

COMMANDS: tuple[click.Command, ...] = (
    provision.provision,
    export.export,
    respond.respond,
    backfill.backfill,
    baseline.baseline,
    checkpoint.checkpoint,
    deadletter.deadletter,
    demo.demo,
    drift.drift,
    setup.setup,
    doctor.doctor,
)
