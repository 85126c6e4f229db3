"""Progress of a stage, told often enough and not too often."""

from __future__ import annotations

import time
from fractions import Fraction

from media.types import Progress

_SECONDS = 0.25


class Meter:
    """Tells a listener `done / total` four times a second at most; call `tick` wherever work passes.

    `total` may be set late. What is told never falls, also where work is done again. What the listener raises passes
    through.
    """

    def __init__(self, listener: Progress, total: Fraction = Fraction(1)) -> None:
        self._listener = listener
        self._done = Fraction(0)
        self._told = time.monotonic()
        self.total = total

    def report(self, done: Fraction) -> None:
        """Take note of how much is done, in the unit of `total`."""
        self._done = max(self._done, done)
        self.tick()

    def tick(self) -> None:
        """Tell the listener, if it is time."""
        now = time.monotonic()
        if now - self._told >= _SECONDS:
            self._told = now
            self._listener(min(self._done / self.total, Fraction(1)))

    def finish(self) -> None:
        """Tell the listener that all is done."""
        self._listener(Fraction(1))
