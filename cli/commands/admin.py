"""`cutwork admin`: hands over to the server's own commands, where the server is installed.

The command line imports nothing of the server. Which function answers is told by the installed package itself, as an
entry point of the group `cutwork.commands`.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from cli.errors import CliError


class NotInstalled(CliError):
    """The server is not on this machine."""

    code = "not_installed"


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def admin(arguments: tuple[str, ...]) -> None:
    """Operate a server, on its own machine: migrate, queues, workers, drain, doctor …"""
    advice = "cutwork admin needs the server on this machine: pip install 'cutwork[all]'"
    found = next(iter(entry_points(group="cutwork.commands", name="admin")), None)
    if found is None:
        raise NotInstalled(advice)
    try:
        run = found.load()
    except ModuleNotFoundError as error:
        raise NotInstalled(f"{advice} ({error.name} is missing)") from error
    sys.exit(run(arguments))
