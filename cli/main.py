"""The `cutwork` command: parse, run one subcommand, end with an exit code that means something."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cli.commands.admin import admin
from cli.commands.assets import assets
from cli.commands.demo import demo
from cli.commands.edit import edit
from cli.commands.image import image
from cli.commands.jobs import cancel, fetch, job, jobs, retry
from cli.commands.kits import kits
from cli.commands.login import login, logout, whoami
from cli.commands.up import up
from cli.commands.upload import upload
from cli.commands.webhooks import webhooks
from cli.config import Config, common_options
from cli.errors import EXIT_CODES, CliError

INTERRUPTED = 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nExit codes:\n{EXIT_CODES}",
)
@click.version_option(package_name="cutwork")
@common_options
def cutwork() -> None:
    """Cut long recordings: upload, name what to keep, download a finished video.

    The command talks to a Cutwork server; `cutwork up` runs one on this machine.

    \b
    Examples:
      cutwork up
      cutwork edit lecture.mp4 --keep 15:00-45:00 -o cut.mp4
      cutwork edit lecture.mp4 --keep 15:00-45:00 --intro "text:Linear algebra" -o cut.mp4
      cutwork image photo.heic --crop 16:9 --resize 1600 -o photo.webp
      cutwork jobs
      cutwork job job_01k9x3… --wait

    CUTWORK_URL names the server. CUTWORK_API_KEY is the key; without it, the one that `cutwork login` has kept.
    """


for command in (
    up,
    demo,
    login,
    logout,
    whoami,
    upload,
    edit,
    image,
    jobs,
    job,
    cancel,
    retry,
    assets,
    kits,
    fetch,
    webhooks,
    admin,
):
    cutwork.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    config = Config()
    try:
        return _run(config, arguments)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CliError.exit_code


def _run(config: Config, arguments: Sequence[str]) -> int:
    try:
        cutwork.main(args=list(arguments), prog_name="cutwork", obj=config, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        config.err.print("Interrupted.")
        return INTERRUPTED
    except click.ClickException as error:
        if config.json:
            config.print_json({"error": {"code": "usage", "detail": error.format_message()}})
        error.show()
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        return _show(config, CliError(f"{error.filename or 'file'}: {error.strerror or error}"))
    except CliError as error:
        return _show(config, error)
    return 0


def _show(config: Config, error: CliError) -> int:
    if config.json:
        config.print_json({"error": error.document()})
    config.err.print(f"cutwork: {error.message}", style="bold red", markup=False)
    for line in error.notes():
        config.err.print(f"  {line}", markup=False)
    return error.exit_code


def main() -> None:
    """Run as a program."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
