"""`create-account`."""

from __future__ import annotations

import click

from core import keys, scopes
from core.db import transaction
from core.models import Account


@click.command(name="create-account")
@click.argument("name")
@click.option("--scope", "wanted", multiple=True, type=click.Choice(list(scopes.SCOPES)), help="Not all, but these.")
@click.option("--key-name", default="first key", show_default=True, help="What the key is called.")
def create_account(name: str, wanted: tuple[str, ...], key_name: str) -> None:
    """Make an account and its first API key, which is shown once."""
    token = keys.generate()
    with transaction() as session:
        account = Account(name=name)
        session.add(account)
        session.flush()
        session.add(keys.row(account.id, token, name=key_name, wanted=list(wanted or scopes.SCOPES)))
    click.echo(f"account  {account.id}\nkey      {token}", err=False)
    click.echo("The key is not shown again: only its hash is stored.", err=True)


COMMANDS = (create_account,)
