"""`cutwork login`, `cutwork logout`, `cutwork whoami`."""

from __future__ import annotations

import socket
import sys

import click

from cli.client import Api, Json
from cli.config import Config, common_options, pass_config
from cli.errors import RefusedError

# What the command itself needs, and the right to revoke its own key.
_WANTED = ("jobs:", "assets:", "webhooks:", "usage:", "keys:")


@click.command()
@click.option("--email", metavar="ADDRESS", help="Asked for when left out.")
@click.option("--account", metavar="ID", help="Which account, if you belong to several.")
@click.option("--with-key", is_flag=True, help="Take an API key instead, from a prompt or from standard input.")
@common_options
@pass_config
def login(config: Config, email: str | None, account: str | None, with_key: bool) -> None:
    """Sign in to the server, and keep an API key for it on this machine.

    The key is made for this purpose, belongs to you and holds what you may do. It is kept in a file that only you can
    read; CUTWORK_API_KEY goes before it. The password is not kept.

    \b
    Examples:
      cutwork login
      cutwork login --url https://cutwork.example --email ada@example.org
      cutwork login --with-key < key.txt
      pass show cutwork | cutwork login --email ada@example.org
    """
    key = _secret("API key") if with_key else _made(config, email, account)
    me = Api(config.url, key).get("/v1/me")
    config.credentials.put(config.url, key)
    _show(config, me)


@click.command()
@common_options
@pass_config
def logout(config: Config) -> None:
    """Revoke the key that `cutwork login` has kept for the server, and forget it."""
    key = config.credentials.get(config.url)
    if key is None:
        config.say(f"No key is kept for {config.url}.")
        return
    api = Api(config.url, key)
    try:
        api.delete(f"/v1/keys/{api.get('/v1/me')['key_id']}")
    except RefusedError as error:
        # One that is worth nothing any more, or may not revoke itself, is forgotten all the same.
        config.say(f"The key was not revoked: {error.message}")
    config.credentials.forget(config.url)
    config.say(f"Signed out of {config.url}.")


@click.command()
@common_options
@pass_config
def whoami(config: Config) -> None:
    """Show who the server takes you for, and what you may do."""
    _show(config, config.api().get("/v1/me"))


def _secret(name: str) -> str:
    """Ask for a secret, or take a line of standard input where nobody can be asked."""
    text = click.prompt(name, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return str(text).strip()


def _made(config: Config, email: str | None, account: str | None) -> str:
    """Sign in by password, make a key, sign out again: what is kept is the key alone."""
    address = email or click.prompt("E-mail", err=True)
    password = _secret("Password")
    body: Json = {"email": address, "password": password} | ({"account_id": account} if account else {})
    person = Api(config.url, str(Api(config.url, None).post("/v1/auth/login", body)["access_token"]))
    scopes = [scope for scope in person.get("/v1/me")["scopes"] if scope.startswith(_WANTED)]
    made = person.post("/v1/keys", {"name": f"cutwork login on {socket.gethostname()}"[:200], "scopes": scopes})
    person.post("/v1/auth/logout")
    return str(made["key"])


def _show(config: Config, me: Json) -> None:
    if config.json:
        config.print_json(me)
        return
    who = me["user"]["email"] if me["user"] else "an API key"
    role = f" as {me['account']['role']}" if me["account"]["role"] else ""
    config.out.print(f"{config.url}: {who} in {me['account']['name']!r}{role}", markup=False)
    config.out.print(f"may: {', '.join(me['scopes'])}", markup=False)
