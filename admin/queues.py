"""`queues`: what waits, where, and for how long."""

from __future__ import annotations

from typing import Any

import click

from admin.main import as_json, show
from core import backlog
from core.errors import TransientError
from tasks.queues import depths
from tasks.stages import POOLS
from tasks.stages import queues as queues_of


def rows() -> list[dict[str, Any]]:
    """A row for each queue; `messages` is `?` while the broker does not answer."""
    state = backlog.read()
    names = [(queue, pool) for pool in POOLS for queue in queues_of(pool)]
    messages: dict[str, Any] = {}
    try:
        messages = dict(depths(queue for queue, _ in names))
    except TransientError as error:
        click.echo(error.message, err=True)
    return [
        {
            "queue": name,
            "pool": pool,
            "waiting": (found := state.queues.get(name, backlog.Queue())).ready,
            "oldest_s": round(found.oldest_s, 1),
            "running": found.held,
            "expired": found.expired,
            "messages": messages.get(name, "?"),
        }
        for name, pool in names
    ]


@click.command()
@as_json
def queues(*, shown_as_json: bool) -> None:
    """Show queues: stages that wait, the age of the oldest in seconds, stages that run, messages in the broker.

    `expired` stages have lost their worker; the reconciler takes them back.
    """
    show(rows(), shown_as_json=shown_as_json, empty="There are no queues.")


COMMANDS = (queues,)
