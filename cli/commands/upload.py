"""`cutwork upload`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import tables, work
from cli.config import Config, common_options, pass_config
from cli.upload import check_file


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@common_options
@pass_config
def upload(config: Config, files: tuple[Path, ...]) -> None:
    """Upload files; each becomes an asset that edits can name.

    Parts go straight to storage, several at a time. An upload that was interrupted goes on where it was when the same
    command is given again; a file that is there already is not sent twice.

    \b
    Examples:
      cutwork upload lecture.mp4
      cutwork upload intro.mp4 logo.png --json
    """
    for path in files:
        check_file(path)
    api = config.api()
    assets = [work.send(config, api, path) for path in files]
    if config.json:
        config.print_json({"data": assets})
    else:
        config.out.print(tables.assets(assets))
