"""Where an exact re-encode is cut into segments: a matter of the source and the request alone, never of the workers.

Segments begin and end where a range does, or at a keyframe of the source, so that a worker seeks to its beginning and
decodes nothing in vain. How long they are follows from what one more of them costs. With a worker for each of n
segments of L seconds, n = D / L, the result of D seconds is there after L + n·c, which is least for L = √(D·c).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from media.keymap import KeyframeMap
from media.ranges import resolve
from media.types import Range

SEGMENT_COST = Fraction(4)
"""What one more segment costs – queueing, opening, storing, joining – in seconds of result encoded meanwhile."""
MIN_SEGMENT = Fraction(15)
"""Seconds; what is not twice as long is not split."""

# How far borders keep from the start of their range: where nothing new is shown for a second after a cut, the frame on
# show before is repeated; nearer than that, the first part could be left with neither.
_LEAD = Fraction(3, 2)
# And from its end, so that the keyframe of a rounded map is surely inside.
_TAIL = Fraction(1, 10)
_USUAL_RATE = Fraction(25)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch `[start, end)` of the source, shown `shift` seconds later in the result.

    `index` is the place of its range in the request; `opens` and `closes` say whether it has that range's start and
    end. Other borders are keyframes, named to the nearest tick of the source.
    """

    index: int
    start: Fraction
    end: Fraction
    shift: Fraction
    opens: bool = True
    closes: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as exact fractions, such as `"1001/30"`."""
        plain = {name: getattr(self, name) for name in ("index", "opens", "closes")}
        return plain | {name: str(getattr(self, name)) for name in ("start", "end", "shift")}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Part:
        """Read what `to_dict` wrote."""
        return cls(**{**document, **{name: Fraction(document[name]) for name in ("start", "end", "shift")}})


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive parts of the result that one worker encodes; `number` counts from 0."""

    number: int
    parts: tuple[Part, ...]

    @property
    def start(self) -> Fraction:
        """Seconds of the result."""
        return self.parts[0].start + self.parts[0].shift

    @property
    def end(self) -> Fraction:
        """Seconds of the result."""
        return self.parts[-1].end + self.parts[-1].shift

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"number": self.number, "parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Segment:
        """Read what `to_dict` wrote."""
        return cls(document["number"], tuple(Part.from_dict(part) for part in document["parts"]))


def plan_segments(
    keyframes: KeyframeMap | None,
    keep: Sequence[Range],
    *,
    duration: Fraction,
    rate: Fraction = _USUAL_RATE,
    width: int | None = None,
    segment_s: Fraction | None = None,
) -> tuple[Segment, ...]:
    """Cut the encode of `keep` into segments of about equal length, in the order of the result.

    `keyframes` is None for a source that cannot be split: sound alone, or a container without presentation times (AVI).
    `duration` is the source's in seconds, `rate` its nominal frames per second. `width` is how many workers may be
    expected, None for as many as there are segments: one encodes in one piece, and for a few the segments are made to
    come out even. `segment_s` asks for a length in place of the one that follows from the length of the result.

    Raises:
        InputError: invalid_range, range_past_end.
    """
    ranges = resolve(keep, duration, 1 / rate)
    total = sum((end - start for start, end in ranges), Fraction(0))
    times = [] if keyframes is None else sorted({keyframe.time for keyframe in keyframes.keyframes})
    count = _count(total, width, segment_s) if times else 1
    borders = _borders(_Request(ranges, times), total, count)
    return tuple(Segment(number, tuple(parts)) for number, parts in enumerate(_parts(ranges, borders)))


def ranges(plan: Sequence[Segment]) -> tuple[Range, ...]:
    """The ranges of the request in their order, open ends closed."""
    parts = [part for segment in plan for part in segment.parts]
    starts = [part.start for part in parts if part.opens]
    return tuple(Range(*span) for span in zip(starts, (part.end for part in parts if part.closes), strict=True))


def _count(total: Fraction, width: int | None, segment_s: Fraction | None) -> int:
    count = max(math.floor(total / (segment_s or _length(total))), 1)
    if width is None or segment_s is not None:
        return count
    # Nobody waits for the last one of a round while others have nothing to do.
    even = width * math.ceil(count / width)
    return min(even if total / even >= MIN_SEGMENT else count, 1 if width == 1 else even)


def _length(total: Fraction) -> Fraction:
    return max(Fraction(math.isqrt(math.floor(total * SEGMENT_COST * 10_000)), 100), MIN_SEGMENT)


def _borders(request: _Request, total: Fraction, count: int) -> list[Fraction]:
    """What comes nearest to even cuts, nothing nearer to the one before or to the end than half a segment."""
    chosen: list[Fraction] = []
    least = total / count / 2
    for number in range(1, count):
        near = request.near(total * number / count)
        if near - (chosen[-1] if chosen else 0) >= least and total - near >= least:
            chosen.append(near)
    return chosen


class _Request:
    """The ranges on the clock of the result, with the keyframes of the source, sorted."""

    def __init__(self, ranges: Sequence[tuple[Fraction, Fraction]], times: Sequence[Fraction]) -> None:
        self._ranges, self._times = ranges, times
        self._joints = [Fraction(0), *accumulate(end - start for start, end in ranges)]

    def near(self, ideal: Fraction) -> Fraction:
        """The time of the result nearest to `ideal` at which a segment may begin; it may be its start or end."""
        index = bisect_right(self._joints, ideal) - 1
        start, end = self._ranges[index]
        shift = self._joints[index] - start
        # Before the first keyframe nothing is shown.
        low = max(bisect_left(self._times, start + _LEAD), 1)
        high = max(bisect_right(self._times, end - _TAIL), low)
        place = bisect_left(self._times, ideal - shift, low, high)
        inside = [time + shift for time in self._times[max(place - 1, low) : min(place + 1, high)]]
        return min([*inside, *self._joints[index : index + 2]], key=lambda time: abs(time - ideal))


def _parts(ranges: Sequence[tuple[Fraction, Fraction]], borders: Sequence[Fraction]) -> Iterator[list[Part]]:
    parts: list[Part] = []
    at = Fraction(0)
    for index, (start, end) in enumerate(ranges):
        shift = at - start
        if at in borders:
            yield parts
            parts = []
        cuts = [start, *(time - shift for time in borders if at < time < at + end - start), end]
        for number, (begin, stop) in enumerate(pairwise(cuts)):
            if number:
                yield parts
                parts = []
            parts.append(Part(index, begin, stop, shift, opens=begin == start, closes=stop == end))
        at += end - start
    yield parts
