"""What every command shares: the server's address, the key, and how to answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from cli.client import Api
from cli.credentials import Credentials

DEFAULT_URL = "http://127.0.0.1:8000"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Config:
    """One run's settings. Documents and tables go to `out`, everything else (progress, hints, errors) to `err`."""

    url: str = field(default_factory=lambda: os.environ.get("CUTWORK_URL") or DEFAULT_URL)
    key: str | None = field(default_factory=lambda: os.environ.get("CUTWORK_API_KEY") or None)
    json: bool = False
    # As wide as it takes: an address that a table has folded cannot be copied.
    out: Console = field(default_factory=lambda: Console(highlight=False, width=10_000))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))

    # Where uploads are remembered, to be resumed: https://specifications.freedesktop.org/basedir-spec/latest/
    journals: Path = field(default_factory=lambda: _state_home() / "cutwork" / "uploads")

    credentials: Credentials = field(
        default_factory=lambda: Credentials(_state_home() / "cutwork" / "credentials.json")
    )

    def api(self) -> Api:
        """Return a client for the configured server; raises click.UsageError when the address is none."""
        return Api(self.url, self.key or self.credentials.get(self.url))

    def print_json(self, document: object) -> None:
        """Print one JSON document, the only thing on standard output with `--json`."""
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))

    def say(self, text: str) -> None:
        """Tell people something; scripts that asked for JSON are not bothered."""
        if not self.json:
            self.err.print(text, markup=False)


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def common_options(command: Command) -> Command:
    """Add `--json` and `--url`, which every command takes before or after its name."""

    def set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.ensure_object(Config).json = True

    def set_url(context: click.Context, _: click.Parameter, value: str | None) -> None:
        if value:
            context.ensure_object(Config).url = value

    json_option = click.option(
        "--json", is_flag=True, expose_value=False, callback=set_json, help="Print JSON, for scripts."
    )
    url_option = click.option(
        "--url",
        metavar="URL",
        expose_value=False,
        callback=set_url,
        help=f"The server's address (or CUTWORK_URL; default {DEFAULT_URL}).",
    )
    return json_option(url_option(command))


pass_config = click.make_pass_decorator(Config, ensure=True)
