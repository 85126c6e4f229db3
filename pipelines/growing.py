"""The preview of an edit while it is made: its joints, and between them what there is of the source's proxy by now.

A playlist that grows may only be added to. So it goes as far as all that comes before is there, in the order of the
edit; and since it names the length of its longest segment before that is there, no farther than to a longer one, as
slides have them on which nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.hls.index import Rendition, Segment, Span
from media.hls.order import Body, Seams

LONGEST = Fraction(6)
"""Seconds that a segment lasts at most, rounded (RFC 8216, 4.3.3.1)."""
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Part:
    """A part of the proxy, `[start, end)` in seconds of the source; `made` is None until it is there."""

    file: str
    start: Fraction
    end: Fraction
    made: Rendition | None


@dataclass(frozen=True)
class Piece:
    """Segments of one file that play one after the other."""

    file: str
    init: Span
    segments: Sequence[Segment]


def part_of(file: str, params: Mapping[str, Any], made: Rendition | None) -> Part:
    """Return the part that the parameters of its stage ask for."""
    [piece] = params["segment"]["parts"]
    return Part(file, Fraction(piece["start"]), Fraction(piece["end"]), made)


def pieces(seams: Seams, seams_file: str, parts: Sequence[Part]) -> tuple[list[Piece], bool]:
    """Return what can be played of an edit by now, from its beginning, and whether that is all of it."""
    found: list[Piece] = []
    for piece in _ordered(seams, seams_file, parts):
        if piece is None or any(segment.duration >= LONGEST + _HALF for segment in piece.segments):
            return found, False
        found.append(piece)
    return found, seams.whole


def _ordered(seams: Seams, seams_file: str, parts: Sequence[Part]) -> Iterator[Piece | None]:
    for item in seams.order:
        if isinstance(item, Body):
            yield from _inside(item, parts)
        else:
            yield Piece(seams_file, seams.rendition.init, seams.rendition.segments[slice(*item)])


def _inside(body: Body, parts: Sequence[Part]) -> Iterator[Piece | None]:
    """What each part has of a body, in order; None for what is not there yet."""
    reached = body.start
    for part in sorted(parts, key=lambda part: part.start):
        if not part.start <= reached < part.end:
            continue
        if part.made is None:
            break
        end = min(part.end, body.end)
        inside = [segment for segment in part.made.segments if reached <= segment.start < end]
        if inside:
            yield Piece(part.file, part.made.init, list(_joined(inside)))
        reached = end
        if reached == body.end:
            return
    yield None


def _joined(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Groups of pictures that lie side by side, some of them to a segment."""
    taken, *rest = segments
    for segment in rest:
        if taken.duration + segment.duration <= LONGEST:
            end = segment.offset + segment.size
            taken = Segment(taken.offset, end - taken.offset, taken.start, taken.duration + segment.duration)
            continue
        yield taken
        taken = segment
    yield taken
