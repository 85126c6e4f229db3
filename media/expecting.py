"""What a file may offer that costs a request for each stretch that is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Expecting(Protocol):
    """A file that wants to know; see `core.storage.ranged.RangedFile.expect`."""

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Tell which ranges of bytes will be read."""
