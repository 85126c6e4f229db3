"""Live events: one capped Redis stream a job, so that a client that reconnects resumes where it was.

Events are a hint, the database is the truth: a Redis that does not answer costs liveness, never a job.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import TransientError
from core.settings import get_settings
from core.telemetry import metrics

_log = structlog.get_logger(__name__)
# A Redis that hangs must cost no more than this: heartbeats and requests wait for it.
_SOON_S = 1
_SCAN_S = 10
_PREFIX = "cutwork:events:"


@dataclass(frozen=True)
class Event:
    """One change of a job: `id` is the stream's (`milliseconds-sequence`), `data` the job document of that moment."""

    id: str
    data: dict[str, Any]


def publish(job_id: str, data: dict[str, Any]) -> None:
    """Append an event; trouble is logged, not raised."""
    settings = get_settings()
    try:
        pipe = _client(_SOON_S).pipeline(transaction=False)
        pipe.xadd(_key(job_id), {"data": json.dumps(data)}, maxlen=settings.events_kept, approximate=True)
        pipe.expire(_key(job_id), settings.events_ttl_s)
        pipe.execute()
    except redis.RedisError as error:
        metrics.EVENTS_UNAVAILABLE.inc()
        _log.warning("event not published", job_id=job_id, reason=str(error))


def last_id(job_id: str) -> str:
    """Return the id of the newest event, `0-0` when there is none; raises TransientError `events_unavailable`."""
    try:
        newest = cast(list[tuple[str, Any]], _client(_SOON_S).xrevrange(_key(job_id), count=1))
    except redis.RedisError as error:
        raise _unavailable() from error
    return newest[0][0] if newest else "0-0"


def read(job_id: str, after: str, *, wait_s: float) -> Iterator[Event]:
    """Yield the events after an id, waiting up to `wait_s` seconds for the first; raises `events_unavailable`."""
    return (event for _, event in read_all({job_id: after}, wait_s=wait_s))


def read_all(after: Mapping[str, str], *, wait_s: float) -> Iterator[tuple[str, Event]]:
    """Yield job ids and their events, for each job those after an id; waits up to `wait_s` seconds for the first.

    Raises TransientError `events_unavailable`.
    """
    streams = {_key(job_id): position for job_id, position in after.items()}
    if not streams:
        return
    try:
        answer = _client(wait_s + _SOON_S).xread(cast(Any, streams), block=max(1, int(wait_s * 1000)))
    except redis.RedisError as error:
        raise _unavailable() from error
    for key, entries in cast(list[tuple[str, list[tuple[str, dict[str, str]]]]], answer or []):
        for event_id, fields in entries:
            yield key.removeprefix(_PREFIX), Event(event_id, json.loads(fields["data"]))


def endless() -> Iterator[tuple[str, int]]:
    """Yield the key of each stream that would stay for ever, and the seconds since its last event.

    Raises TransientError `events_unavailable`.
    """
    client = _client(_SCAN_S)
    try:
        for key in client.scan_iter(match=_key("*"), count=1000):
            if client.ttl(key) == -1:
                newest = cast(list[tuple[str, Any]], client.xrevrange(key, count=1))
                at = int(newest[0][0].partition("-")[0]) / 1000 if newest else 0
                yield key, max(0, int(time.time() - at))
    except redis.RedisError as error:
        raise _unavailable() from error


def end_after(key: str, seconds: int) -> None:
    """Let a stream go in so many seconds, unless another event comes; raises TransientError `events_unavailable`."""
    try:
        _client(_SOON_S).expire(key, seconds)
    except redis.RedisError as error:
        raise _unavailable() from error


def check() -> None:
    """Answer whether Redis is there; raises TransientError when it is not."""
    try:
        _client(_SOON_S).ping()
    except redis.RedisError as error:
        raise _unavailable() from error


def _unavailable() -> TransientError:
    return TransientError("events_unavailable", "The event stream did not answer; poll the job, or try again shortly.")


def _key(job_id: str) -> str:
    return f"{_PREFIX}{job_id}"


def _client(timeout_s: float) -> redis.Redis:
    return _client_of(get_settings().events_url, math.ceil(timeout_s), os.getpid())


@lru_cache(maxsize=16)
def _client_of(url: str, timeout_s: int, pid: int) -> redis.Redis:  # noqa: ARG001 - sockets must not cross a fork
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        protocol=2,
        socket_connect_timeout=_SOON_S,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1),
    )
