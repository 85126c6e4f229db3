"""`cutwork assets`."""

from __future__ import annotations

import click

from cli import tables
from cli.config import Config, common_options, pass_config


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@common_options
@pass_config
def assets(config: Config, limit: int) -> None:
    """List uploaded files, newest first.

    \b
    Examples:
      cutwork assets
      cutwork assets -n 100 --json
    """
    found = config.api().pages("/v1/assets", limit)
    if config.json:
        config.print_json({"data": found})
    elif found:
        config.out.print(tables.assets(found))
    else:
        config.say("No assets yet. Upload one: cutwork upload lecture.mp4")
