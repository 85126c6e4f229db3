"""Starts Celery's processes with what the registry says: `python -m tasks worker encode`, `… beat`, `… flower`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from core.errors import InputError
from core.settings import get_settings
from core.telemetry import folder
from tasks.stages import POOLS, PROCESSES, Pool, queues

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def worker(pool: Pool, processes: int = 0) -> list[str]:
    """Arguments of a worker that consumes the queues of one pool, with so many processes; 0 takes the setting's."""
    # The setting is about workers that run stages.
    asked = processes or (0 if pool == "maintenance" else get_settings().worker_processes)
    # Workers have nothing to tell one another: what they share are rows. Without this they start a second sooner, and
    # come back from a broker's restart without an error.
    alone = ["--without-gossip", "--without-mingle"]
    name = ["--hostname", f"{pool}@%h"]
    return ["worker", "--queues", ",".join(queues(pool)), *name, "--concurrency", str(asked or PROCESSES[pool]), *alone]


def beat(folder: Path) -> list[str]:
    """Arguments of the scheduler; its file only says when each task ran last."""
    folder.mkdir(parents=True, exist_ok=True)
    return ["beat", "--schedule", str(folder / "beat-schedule")]


def flower(address: str, port: int) -> list[str]:
    """Arguments of Flower; what is not this machine's alone needs a password, for Flower can stop workers.

    Raises InputError `flower_without_password`.
    """
    if address not in _LOOPBACK and not os.environ.get("FLOWER_BASIC_AUTH"):
        raise InputError("flower_without_password", "Set FLOWER_BASIC_AUTH=name:password, or listen on 127.0.0.1.")
    return ["flower", f"--address={address}", f"--port={port}"]


def main() -> None:
    """Become the process that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tasks", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("worker", help="run the stages of one pool, or the maintenance")
    one.add_argument("pool", choices=POOLS)
    one.add_argument(
        "--processes", type=int, default=0, help="how many; WORKER_PROCESSES, or the pool's own if not said"
    )
    two = kinds.add_parser("beat", help="start periodic work")
    two.add_argument("--folder", type=Path, default=Path(".cutwork"), help="where its schedule file lives")
    three = kinds.add_parser("flower", help="watch the workers in a browser")
    three.add_argument(
        "--address", default="127.0.0.1", help="where to listen; FLOWER_BASIC_AUTH must be set if not here"
    )
    three.add_argument("--port", type=int, default=5555)
    asked = parser.parse_args()
    match asked.kind:
        case "worker":
            # Where all processes get SIGTERM, those of the pool must leave it to their worker to stop them.
            os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
            if get_settings().metrics_port != 0:
                folder.prepare()
            arguments = worker(asked.pool, asked.processes)
        case "beat":
            arguments = beat(asked.folder)
        case _:
            try:
                arguments = flower(asked.address, asked.port)
            except InputError as error:
                parser.error(error.message)
    # Celery's banner is no JSON.
    quiet = ["--quiet"] if get_settings().log_json else []
    os.execv(sys.executable, [sys.executable, "-m", "celery", *quiet, "--app", "tasks.app", *arguments])  # noqa: S606  # nosec B606


if __name__ == "__main__":
    main()
