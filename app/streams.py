"""How many clients follow jobs in a process at once, and the threads that tell them.

An event stream over plain HTTP/1.1 holds a socket and no thread. One that the server cannot let go of (TLS in gunicorn
itself, another server), and a WebSocket, hold a thread: of those there are fewer places, for the API needs threads too.
"""

from __future__ import annotations

import queue
import weakref
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app

from app.fanout import Fanout
from app.live import RETRY, Following, frames, hand_over
from app.pump import Pump
from core.errors import TransientError
from core.settings import get_settings

_KEY = "cutwork_streams"
_Free = queue.SimpleQueue[None]


@dataclass(frozen=True)
class Hub:
    """What the streams of a process share."""

    fanout: Fanout
    pump: Pump
    streams: _Free
    threads: _Free


def init_app(app: Flask) -> None:
    """Make the places that the settings allow."""
    settings = get_settings()
    app.extensions[_KEY] = Hub(Fanout(), Pump(), _free(settings.sse_max_streams), _free(settings.live_max_threads))


def hub() -> Hub:
    """Return what the streams of this process share."""
    return cast(Hub, current_app.extensions[_KEY])


class Place:
    """Room for one client, until it is left or dropped; raises TransientError `too_many_streams` when there is none.

    `given` says that it belongs to a socket by now, which leaves it at its end.
    """

    given = False

    def __init__(self, free: _Free) -> None:
        try:
            free.get_nowait()
        except queue.Empty:
            raise TransientError(
                "too_many_streams", "Too many clients follow jobs here; poll the job, or try again shortly."
            ) from None
        self._leave = weakref.finalize(self, free.put, None)

    def leave(self) -> None:
        """Make room; once more does nothing."""
        self._leave()


class Stream(Iterator[str]):
    """The frames of one client, and its place until it is closed or dropped.

    The server closes what it has begun to send, whether it came to its end or the client went away. What it never
    begins, such as the answer to a HEAD request, is dropped; a generator's own `finally` would not run then.
    """

    def __init__(self, following: Following, shared: Hub, environ: Mapping[str, Any], *, seconds: float) -> None:
        self._place = Place(shared.streams)
        self._frames = _run(following, shared, self._place, environ, seconds)

    def __next__(self) -> str:
        return next(self._frames)

    def close(self) -> None:
        """End the frames and give the place back, unless it went with the socket; once more does nothing."""
        self._frames.close()
        if not self._place.given:
            self._place.leave()


def _run(following: Following, shared: Hub, place: Place, environ: Mapping[str, Any], seconds: float) -> Generator[str]:
    yield RETRY
    if following.first:
        yield following.first.frame
        if following.first.ends:
            return
    if hand_over(following, shared.pump, environ, seconds=seconds, on_end=place.leave):
        place.given = True
        return
    thread = Place(shared.threads)
    try:
        yield from frames(following, seconds=seconds)
    finally:
        thread.leave()


def _free(count: int) -> _Free:
    # Unlike a semaphore, this queue may be put to while the same thread is inside it, as a finalizer may do.
    places: _Free = queue.SimpleQueue()
    for _ in range(count):
        places.put(None)
    return places
