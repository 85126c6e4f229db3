"""`cutwork up`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from cli.config import Config, common_options, pass_config
from cli.errors import StackError
from cli.stack.parent import end_with_parent
from cli.stack.ports import Ports, free_ports


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise click.UsageError(f"{name}={text} is no port: write a number from 1 to 65535")
    return int(text)


def chosen_ports(api: int | None, flower: int | None, broker: int | None) -> Ports:
    """Return the ports of the options, else of API_PORT, FLOWER_PORT and BROKER_PORT, else the usual ones."""
    usual = Ports()
    return Ports(
        api or _port("API_PORT", usual.api),
        flower or _port("FLOWER_PORT", usual.flower),
        broker or _port("BROKER_PORT", usual.broker),
    )


PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--api-port", type=PORT, help="Port of the API (or API_PORT; default 8000).")
@click.option("--flower-port", type=PORT, help="Port of Flower (or FLOWER_PORT; default 5555).")
@click.option("--broker-port", type=PORT, help="Port of the broker (or BROKER_PORT; default 6390).")
@click.option("--auto-ports", is_flag=True, help="Take ports that are free.")
@click.option(
    "--home",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder that holds everything (or CUTWORK_HOME; default .cutwork in the checkout).",
)
@click.option("--quiet", is_flag=True, help="Keep the processes' output to the log files.")
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this one is gone (Linux).")
@common_options
@pass_config
def up(
    config: Config,
    /,
    api_port: int | None,
    flower_port: int | None,
    broker_port: int | None,
    *,
    auto_ports: bool,
    home: Path | None,
    quiet: bool,
    with_parent: bool,
) -> None:
    """Run the whole system on this machine until Ctrl-C: broker, API, workers, beat and Flower.

    Everything listens on loopback and lives in one folder. DATABASE_URL, BROKER_URL, REDIS_URL and S3_BUCKET put
    servers of your own in the place of the embedded ones. A second Ctrl-C does not wait for the workers.

    \b
    Examples:
      cutwork up
      cutwork up --api-port 8001 --flower-port 5556
      CUTWORK_HOME=/tmp/try cutwork up --auto-ports --quiet
    """
    try:
        from cli.stack.home import ROOT, Home
        from cli.stack.serve import serve
    except ModuleNotFoundError as error:
        raise StackError(
            f"{error.name} is not installed; the stack needs: pip install 'cutwork[all]'", code="not_installed"
        ) from error
    if with_parent:
        end_with_parent()
    ports = free_ports() if auto_ports else chosen_ports(api_port, flower_port, broker_port)
    folder = Home(home or Path(os.environ.get("CUTWORK_HOME") or ROOT / ".cutwork"))
    config.say(f"Starting on {folder.path} …")
    # The command beside this one shall work at once, as after `cutwork login`.
    kept = not with_parent
    try:
        serve(
            folder,
            ports,
            os.environ,
            screen=None if quiet else sys.stderr,
            on_ready=lambda key: _announce(config, ports, folder.path, key, kept=kept),
        )
    finally:
        if config.key and kept:
            config.credentials.forget(ports.url, config.key)
    config.say("Stopped.")


def _announce(config: Config, ports: Ports, home: Path, key: str, *, kept: bool) -> None:
    config.key = key
    if kept:
        config.credentials.put(ports.url, key)
    flower = f"http://127.0.0.1:{ports.flower}"
    if config.json:
        document = {"api": ports.url, "docs": f"{ports.url}/docs", "flower": flower, "home": str(home), "key": key}
        document["metrics"] = str(home / "metrics.json")
        config.print_json({**document, "pid": os.getpid()})
        return
    lines = [
        "",
        "Cutwork is running.",
        f"  API     {ports.url}",
        f"  docs    {ports.url}/docs",
        f"  Flower  {flower}",
        f"  key     {key}",
        f"  files   {home} (logs in logs/, Prometheus targets in metrics.json)",
    ]
    if ports.api != Ports().api:
        lines.append(f"  For the command: export CUTWORK_URL={ports.url}")
    config.out.print("\n".join([*lines, "Ctrl-C stops it.", ""]), markup=False)
    config.out.file.flush()
