"""How many event streams a process serves at once: each holds a thread, and the rest of the API needs some too."""

from __future__ import annotations

import queue
import weakref
from collections.abc import Generator, Iterator
from typing import cast

from flask import Flask, current_app

from core.errors import TransientError
from core.settings import get_settings

_KEY = "cutwork_streams"
Places = queue.SimpleQueue[None]


def init_app(app: Flask) -> None:
    """Make the places that the settings allow."""
    # Unlike a semaphore, this queue may be put to while the same thread is inside it, as a finalizer may do.
    places: Places = queue.SimpleQueue()
    for _ in range(get_settings().sse_max_streams):
        places.put(None)
    app.extensions[_KEY] = places


def in_a_place(frames: Generator[str]) -> Stream:
    """Return the frames as a stream that holds a place; raises TransientError `too_many_streams` when all are taken."""
    return Stream(frames, cast(Places, current_app.extensions[_KEY]))


class Stream(Iterator[str]):
    """Frames for one client, and a place until it is closed or dropped.

    The server closes what it has begun to send, whether it came to its end or the client went away. What it never
    begins, such as the answer to a HEAD request, is dropped; a generator's own `finally` would not run then.
    """

    def __init__(self, frames: Generator[str], places: Places) -> None:
        try:
            places.get_nowait()
        except queue.Empty:
            raise TransientError(
                "too_many_streams", "Too many clients follow jobs here; poll the job, or try again shortly."
            ) from None
        self._frames = frames
        self._leave = weakref.finalize(self, places.put, None)

    def __next__(self) -> str:
        return next(self._frames)

    def close(self) -> None:
        """End the frames and give the place back; once more does nothing."""
        try:
            self._frames.close()
        finally:
            self._leave()
