"""The broker's messages, delivered again and in another order than they were sent.

Kombu keeps a list for each queue, and what was delivered and not yet acknowledged in the hash `unacked`
(kombu/transport/redis.py): a copy of either, pushed to its list, is a second delivery.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from typing import Any, cast

import redis

from tasks.stages import POOLS, queues

_UNACKED = "unacked"
QUEUES = tuple(name for pool in POOLS for name in queues(pool))


class Copier:
    """Pushes a copy of every message that it sees, once for each message."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._seen: set[str] = set()

    def run(self, seconds: float, *, once: bool) -> int:
        """Copy every message that is there or turns up meanwhile, looking a hundred times a second; how many.

        `once` ends it as soon as there was something to copy.
        """
        made, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline and not (once and made):
            try:
                made += sum(self._copy(queue, message) for queue, message in self._messages())
            except redis.RedisError:
                time.sleep(0.2)
            time.sleep(0.01)
        return made

    def _messages(self) -> list[tuple[str, dict[str, Any]]]:
        found = [(name, json.loads(raw)) for name in QUEUES for raw in _list(self._client, name)]
        for raw in cast(dict[bytes, bytes], self._client.hgetall(_UNACKED)).values():
            message, _, routing_key = json.loads(raw)
            found.append((routing_key, message))
        return found

    def _copy(self, queue: str, message: dict[str, Any]) -> bool:
        name = f"{message['headers']['id']}/{message['headers'].get('retries')}"
        if queue not in QUEUES or name in self._seen:
            return False
        self._seen.add(name)
        copy = message | {"properties": message["properties"] | {"delivery_tag": str(uuid.uuid4())}}
        self._client.rpush(queue, json.dumps(copy))
        return True


def shuffle(client: redis.Redis, chance: random.Random) -> int:
    """Put the messages of every queue in another order; how many were moved."""
    moved = 0
    for name in QUEUES:

        def change(pipe: Any, name: str = name) -> None:
            nonlocal moved
            waiting = cast(list[bytes], pipe.lrange(name, 0, -1))
            chance.shuffle(waiting)
            pipe.multi()
            if len(waiting) > 1:
                pipe.delete(name)
                pipe.rpush(name, *waiting)
                moved += len(waiting)

        client.transaction(change, name)
    return moved


def _list(client: redis.Redis, name: str) -> list[bytes]:
    return cast(list[bytes], client.lrange(name, 0, -1))
