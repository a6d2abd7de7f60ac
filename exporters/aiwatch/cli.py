"""The command line: one command per part, each a few lines that call it."""

from __future__ import annotations

from importlib import import_module

import click

from aiwatch.commands import COMMANDS


class _Commands(click.Group):
    """Imports a command once it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"aiwatch.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aiwatch")
def main() -> None:
    """Watch AI in production: logs become metrics, documents, dashboards and alerts, all from one catalogue."""
