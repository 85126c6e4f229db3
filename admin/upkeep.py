"""`migrate` and `housekeeping`."""

from __future__ import annotations

import click

from core.housekeeping.report import Removed
from migrations.__main__ import upgrade
from pipelines import housekeeping as sweeps


@click.command()
@click.option("--wait", "wait_s", type=float, default=0, metavar="SECONDS", help="Wait so long for the database.")
def migrate(wait_s: float) -> None:
    """Bring the database to this version; safe to run at any time, and by several at once."""
    upgrade(wait_s=wait_s)
    click.echo("The database is up to date.")


@click.command(name="housekeeping")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--only", multiple=True, type=click.Choice(list(sweeps.KINDS)), help="Not all kinds, but these.")
@click.option("--list", "listed", is_flag=True, help="Name each thing as well.")
def keep_house(*, dry_run: bool, only: tuple[str, ...], listed: bool) -> None:
    """Remove what nobody needs any more; beat does the same by itself."""
    verb = "would remove" if dry_run else "removed"

    def tell(item: Removed) -> None:
        if listed:
            click.echo(f"  {item.name} {item.size}")

    for kind in only or sweeps.KINDS:
        tally = sweeps.run(kind, dry_run=dry_run, tell=tell)
        click.echo(f"{kind:<11} {verb} {tally.count}, {tally.size} bytes")


COMMANDS = (migrate, keep_house)
