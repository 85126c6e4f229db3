"""How many messages stand in the broker's queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amqp.exceptions import AMQPError, ChannelError
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from core.errors import TransientError
from tasks.app import celery_app


def depths(names: Iterable[str]) -> dict[str, int]:
    """Return the number of messages of each queue that no worker has taken.

    Raises TransientError `broker_unavailable`.
    """
    try:
        with celery_app.connection_for_write() as connection:
            # First, for a broker that refuses the password says so by the same error as one that has no such queue.
            connection.connect()
            return {name: _depth(connection, name) for name in names}
    except (OperationalError, AMQPError, RedisError, OSError) as error:
        raise TransientError("broker_unavailable", "The broker did not answer; try again shortly.") from error


def _depth(connection: Any, name: str) -> int:
    try:
        with connection.channel() as channel:
            declared: Any = Queue(name)(channel).queue_declare(passive=True)
    except ChannelError:
        # Redis keeps no empty list: a queue that is not there has no message.
        return 0
    return int(declared.message_count)
