"""Live events that would stay for ever.

Each event is written with the time after which its stream goes by itself; a process that dies between the two writes
leaves a stream without.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import events
from core.housekeeping.report import Removed


def sweep(*, ttl_s: int, dry_run: bool = False) -> Iterator[Removed]:
    """Give streams without an end one: `ttl_s` seconds after their last event; yield the key of each.

    Nothing is deleted here, so that an event which arrives in this moment is not lost; a stream idle for that long
    goes at once. Raises TransientError `events_unavailable`.
    """
    for key, idle_s in events.endless():
        if not dry_run:
            events.end_after(key, max(1, ttl_s - idle_s))
        yield Removed(key)
