"""The command line: one command per part, each a few lines that call it."""

from __future__ import annotations

import click

from aiwatch.commands import COMMANDS


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aiwatch")
def main() -> None:
    """Watch AI in production: logs become metrics, documents, dashboards and alerts, all from one catalogue."""


for _command in COMMANDS:
    main.add_command(_command)
