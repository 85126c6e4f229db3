"""How many requests of a process may wait at once for what workers are making.

Each holds a thread of the server, and there are few: a crowd that waits must not keep those out who want an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import Flask, current_app

from core.settings import get_settings

_KEY = "cutwork_patience"


def init_app(app: Flask) -> None:
    """Make the places that the settings allow."""
    app.extensions[_KEY] = threading.Semaphore(get_settings().image_max_waiting)


@contextmanager
def patience(seconds: float) -> Iterator[float]:
    """Yield for how long this request may wait: no time at all where all places are taken."""
    places = cast(threading.Semaphore, current_app.extensions[_KEY])
    if not places.acquire(blocking=False):
        yield 0
        return
    try:
        yield seconds
    finally:
        places.release()
