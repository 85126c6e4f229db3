"""`workers`: who answers, of which version, and what they run."""

from __future__ import annotations

from typing import Any

import click

from admin.main import as_json, show
from core.errors import TransientError
from tasks.app import celery_app
from tasks.control import COMMAND

ANSWER_S = 2.0


def ask(command: str, *, answer_s: float = ANSWER_S, **arguments: Any) -> dict[str, Any]:
    """Return what each worker answers to a question within `answer_s` seconds; raises `broker_unavailable`.

    With `destination`, names of workers, it returns once these have answered.
    """
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    try:
        answers = celery_app.control.broadcast(command, reply=True, timeout=answer_s, **arguments)
    except (OperationalError, RedisError, OSError) as error:
        raise TransientError("broker_unavailable", "The broker does not answer: see BROKER_URL.") from error
    return {name: answer for one in answers or [] for name, answer in one.items()}


def rows() -> list[dict[str, Any]]:
    """A row for each worker that answers; one with no queue is draining."""
    told = ask(COMMAND)
    # Who is there is known now, and is not waited for longer than it takes them.
    active, consumed, stats = (
        ask(question, destination=sorted(told)) if told else {} for question in ("active", "active_queues", "stats")
    )
    return [
        {
            "worker": name,
            "version": told.get(name, {}).get("version", "?"),
            "processes": len(stats.get(name, {}).get("pool", {}).get("processes", [])),
            "queues": [queue["name"] for queue in consumed.get(name) or []],
            "running": [
                f"{one['name']} {one['args'][0]}" if one["args"] else one["name"] for one in active.get(name, [])
            ],
        }
        for name in sorted(told)
    ]


@click.command()
@as_json
def workers(*, shown_as_json: bool) -> None:
    """Show the workers that answer within two seconds; one without queues is draining."""
    show(rows(), shown_as_json=shown_as_json, empty="No worker answers.")


COMMANDS = (workers,)
