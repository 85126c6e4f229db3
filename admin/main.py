"""The group of commands, and what they share: how they show things, and how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from core.errors import CutworkError
from core.log import configure_logging
from core.settings import get_settings

Command = TypeVar("Command", bound=Callable[..., Any])
as_json = click.option("--json", "shown_as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def admin() -> None:
    """Operate a server: works on the database, broker and storage that the settings name.

    \b
    Examples:
      cutwork admin doctor
      cutwork admin queues
      cutwork admin requeue --failed storage_unavailable --since 2h
      cutwork admin drain encode --wait 600
    """


def show(rows: Sequence[Mapping[str, Any]], *, shown_as_json: bool, empty: str) -> None:
    """Print rows as a table, or as JSON."""
    if shown_as_json:
        click.echo(json.dumps(list(rows), indent=2))
        return
    if not rows:
        click.echo(empty)
        return
    names = list(rows[0])
    table = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return ", ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    from admin import accounts, doctor, drain, queues, requeue, upkeep, workers

    for module in (upkeep, accounts, queues, workers, requeue, drain, doctor):
        for command in module.COMMANDS:
            admin.add_command(command)
    try:
        configure_logging(json=get_settings().log_json)
        answer = admin.main(args=list(arguments), prog_name="cutwork admin", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except CutworkError as error:
        click.echo(f"cutwork admin: {error.message} ({error.code})", err=True)
        return 1
    except ValueError as error:
        # Settings that cannot be: the message names them.
        click.echo(f"cutwork admin: {error}", err=True)
        return 2
    sys.stdout.flush()
    return answer if isinstance(answer, int) else 0
