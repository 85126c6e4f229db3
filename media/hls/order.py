"""What an edit consists of, in the order in which it plays: short joints around its cuts, and long bodies between.

    range 1  │ joint │        body        │        range 2    │ joint │
             start   A                    B     end  start    A    …
                                          └──── joint ────────┘

A joint has `AROUND` seconds or a little more on either side of each cut, up to where a group of pictures of the
source's proxy begins (`GRID`). So joints that were encoded for this edit, and groups of the proxy, which are the same
for every edit, make up all of it: no picture is missing, and none comes twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.hls.index import Rendition, Segment

GRID = Fraction(2)
"""Seconds of the source between the places at which groups of pictures of a proxy begin."""
AROUND = Fraction(2)
"""Seconds before and after a cut that belong to its joint, at least."""

Cut = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Joint:
    """Pieces `[start, end)` of the source that play one after the other, from the second `at` of the edit on."""

    at: Fraction
    pieces: tuple[Cut, ...]

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return sum((end - start for start, end in self.pieces), Fraction(0))


@dataclass(frozen=True, slots=True)
class Body:
    """Whole groups of the proxy: those that begin in `[start, end)` of the source, both multiples of `GRID`."""

    start: Fraction
    end: Fraction


def order(ranges: Sequence[Cut]) -> Iterator[Joint | Body]:
    """Yield what ranges of a source consist of; the start and the end of the edit count as cuts."""
    at = begun = Fraction(0)
    pieces: list[Cut] = []
    for start, end in ranges:
        first = math.ceil((start + AROUND) / GRID) * GRID
        last = math.floor((end - AROUND) / GRID) * GRID
        if first < last:
            yield Joint(begun, (*pieces, (start, first)))
            yield Body(first, last)
            pieces, begun = [(last, end)], at + last - start
        else:
            pieces.append((start, end))
        at += end - start
    if pieces:
        yield Joint(begun, tuple(pieces))


@dataclass(frozen=True, slots=True)
class Seams:
    """The joints that were made, in one file, and what the edit consists of as far as they reach.

    In `order` a pair stands for a joint: the place of its first segment in the file, and that behind its last. `whole`
    is whether the order reaches to the end of the edit.
    """

    rendition: Rendition
    order: tuple[tuple[int, int] | Body, ...]
    whole: bool

    @property
    def joints(self) -> list[Sequence[Segment]]:
        """The segments of each joint."""
        return [self.rendition.segments[slice(*item)] for item in self.order if not isinstance(item, Body)]

    @property
    def duration(self) -> Fraction:
        """Seconds that all of the order plays, whatever there is of it by now."""
        bodies = (item.end - item.start for item in self.order if isinstance(item, Body))
        return sum(bodies, Fraction(0)) + sum(
            (segment.duration for joint in self.joints for segment in joint), Fraction(0)
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as exact fractions."""
        items = [
            {"body": [str(item.start), str(item.end)]} if isinstance(item, Body) else {"segments": list(item)}
            for item in self.order
        ]
        return {"rendition": self.rendition.to_dict(), "order": items, "whole": self.whole}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Seams:
        """Read what `to_dict` wrote."""
        return cls(
            Rendition.from_dict(document["rendition"]),
            tuple(
                Body(*(Fraction(time) for time in item["body"])) if "body" in item else (*item["segments"],)
                for item in document["order"]
            ),
            document["whole"],
        )
