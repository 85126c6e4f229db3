"""`drain`: let workers end what they run and take nothing new."""

from __future__ import annotations

import time

import click

from admin.workers import ask
from core.errors import InputError
from tasks.app import celery_app
from tasks.stages import POOLS
from tasks.stages import queues as queues_of

_PAUSE_S = 0.2


@click.command()
@click.argument("which")
@click.option("--wait", "wait_s", type=float, default=0, metavar="SECONDS", help="Wait so long for what runs to end.")
@click.option("--stop", is_flag=True, help="Stop the workers, once they are idle or the time is over.")
@click.option("--back", is_flag=True, help="Take up work again.")
def drain(which: str, *, wait_s: float, stop: bool, back: bool) -> int:
    """Let workers take nothing new: all of a pool (light, encode, maintenance), or one by its name.

    A worker that is started again takes up work by itself. The exit code is 1 when stages still run after --wait.
    """
    names = _matching(which)
    for name in names:
        verb = "add_consumer" if back else "cancel_consumer"
        for queue in _queues(name):
            ask(verb, destination=[name], arguments={"queue": queue})
    click.echo(f"{', '.join(names)}: {'working again' if back else 'taking nothing new'}")
    if back:
        return 0
    left = _wait(names, wait_s)
    if stop:
        celery_app.control.shutdown(destination=names)
        click.echo("told to stop; what still runs goes to another worker after SHUTDOWN_GRACE_S")
    return int(left > 0 and wait_s > 0)


def _matching(which: str) -> list[str]:
    found = sorted(name for name in ask("ping") if which in {name, name.partition("@")[0]})
    if not found:
        raise InputError("no_such_worker", f"No worker of that pool or name answers: {which}.")
    return found


def _queues(name: str) -> list[str]:
    """The queues of the pool that a worker's name begins with."""
    pool = next((pool for pool in POOLS if pool == name.partition("@")[0]), None)
    if pool is None:
        raise InputError("no_such_pool", f"{name} does not say its pool: workers are named POOL@HOST.")
    return queues_of(pool)


def _wait(names: list[str], wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    while True:
        left = sum(len(running) for running in ask("active", destination=names).values())
        if not left or time.monotonic() >= deadline:
            click.echo(f"{left} stages still run")
            return left
        time.sleep(_PAUSE_S)


COMMANDS = (drain,)
