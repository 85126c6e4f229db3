"""What a sweep tells: each thing that it removed, and the sum of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

PAGE = 1000
"""How many rows or keys are held at once; as many as a page of S3's listing has."""


@dataclass(frozen=True)
class Removed:
    """One thing that was removed, or in a dry run would be: its name, and its size in bytes where it has one."""

    name: str
    size: int = 0


@dataclass
class Tally:
    """How many things, and how many bytes."""

    count: int = 0
    size: int = 0

    def add(self, item: Removed) -> None:
        """Count one more."""
        self.count += 1
        self.size += item.size


def batches(items: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Yield lists of up to `size` items, as they come."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
