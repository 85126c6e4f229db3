"""When the pictures of a track are shown."""

from __future__ import annotations

from array import array
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """The pictures of a track: when each is shown, in ticks and in any order, and when the last one ends."""

    ticks: array[int]
    end: int
