"""How many requests of a process may wait at once for what workers are making.

Each holds a thread of the server, and there are few: a crowd that waits must not keep those out who want an answer, nor
one account or one address all others who would wait.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import Flask, current_app

from app.limits import client_address
from core.settings import get_settings

_KEY = "cutwork_patience"


class Places:
    """`most` places, of which one holder has at most `each`."""

    def __init__(self, most: int, each: int) -> None:
        self._free, self._each = most, each
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, holders: set[str]) -> bool:
        """Take a place in the name of all these, or none."""
        with self._lock:
            if self._free <= 0 or any(self._held[holder] >= self._each for holder in holders):
                return False
            self._free -= 1
            self._held.update(holders)
            return True

    def give_back(self, holders: set[str]) -> None:
        """Give back what was taken."""
        with self._lock:
            self._free += 1
            self._held -= Counter(holders)


def init_app(app: Flask) -> None:
    """Make the places that the settings allow."""
    settings = get_settings()
    app.extensions[_KEY] = Places(settings.image_max_waiting, settings.image_max_waiting_each)


@contextmanager
def patience(seconds: float, *, account_id: str) -> Iterator[float]:
    """Yield for how long this request for something of an account may wait: no time at all where all places are taken,
    or those of the account, or of the client's address."""
    places = cast(Places, current_app.extensions[_KEY])
    holders = {account_id, client_address()}
    if not places.take(holders):
        yield 0
        return
    try:
        yield seconds
    finally:
        places.give_back(holders)
