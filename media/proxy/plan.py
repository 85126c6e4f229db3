"""How a proxy is made of a source: what is decoded, how it is shown, and which stretches workers encode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO

from media.decode import Picture, Reader
from media.effort import Effort
from media.keymap import KeyframeMap
from media.segments.pictures import WITHOUT_TIMES
from media.segments.plan import MIN_SEGMENT, Part, Segment, plan_segments
from media.types import DEFAULT_LIMITS, Limits, Range
from media.undated import is_undated

GRID = Fraction(2)
"""Seconds between the places at which groups of pictures begin."""
MOST_RATE = 30
"""Pictures a second that a proxy has at most, where leaving out every second one, or two of three, … gives as many."""
_LEAST_RATE = 12
"""Pictures a second that leaving out must leave."""
_SAMPLE = Fraction(4)


@dataclass(frozen=True, slots=True)
class Look:
    """How the pictures of a proxy are made: its shorter side has `height` pixels at most; at least `apart` seconds lie
    between two pictures of a group."""

    height: int
    effort: Effort = "rough"
    apart: Fraction = Fraction(0)

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"height": self.height, "effort": self.effort, "apart": str(self.apart)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Look:
        """Read what `to_dict` wrote."""
        return cls(document["height"], document["effort"], Fraction(document["apart"]))


@dataclass(frozen=True, slots=True)
class ProxyPlan:
    """What a proxy consists of: `segments` of pictures in order, none for sound alone, and whether there is sound. The
    source has `duration` seconds."""

    look: Look
    segments: tuple[Segment, ...]
    has_sound: bool
    duration: Fraction

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            "look": self.look.to_dict(),
            "segments": [segment.to_dict() for segment in self.segments],
            "has_sound": self.has_sound,
            "duration": str(self.duration),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ProxyPlan:
        """Read what `to_dict` wrote."""
        return cls(
            Look.from_dict(document["look"]),
            tuple(Segment.from_dict(segment) for segment in document["segments"]),
            document["has_sound"],
            Fraction(document["duration"]),
        )


def plan_proxy(
    source: BinaryIO,
    keyframes: KeyframeMap | None,
    *,
    height: int,
    width: int | None = 1,
    limits: Limits = DEFAULT_LIMITS,
) -> ProxyPlan:
    """Plan the proxy of a source, to be encoded by about `width` workers.

    `keyframes` is its map, None where there is none. Of the source the header is read, and of one that is long enough
    for it to matter a few seconds in the middle, to see what leaving pictures out would leave.

    Raises:
        InputError: as `open_source`, and too_long, damaged_file.
    """
    with Reader(source, limits=limits, sound="none", effort="sparse") as reader:
        line = reader.timeline
        has_sound = bool(line.audio)
        if line.video is None:
            return ProxyPlan(Look(height), (), has_sound, line.duration)
        # A single picture may have no length of its own.
        duration = max(line.duration, 1 / line.rate)
        dated = reader.container.format.name not in WITHOUT_TIMES and not is_undated(
            source, reader.container, line.video
        )
        look = _look(reader, height, duration, dated=dated)
        whole = segment(0, Fraction(0), duration, duration)
        if keyframes is None or not dated:
            return ProxyPlan(look, (whole,), has_sound, duration)
        rough = plan_segments(keyframes, [Range(Fraction(0))], duration=duration, rate=line.rate, width=width)
        return ProxyPlan(look, tuple(on_grid(rough, duration)), has_sound, duration)


def on_grid(rough: Sequence[Segment], duration: Fraction) -> list[Segment]:
    """Segments that begin at the grid, right after keyframes of the source, where those given begin at keyframes."""
    borders = {math.ceil(piece.start / GRID) * GRID for piece in rough[1:]}
    inside = sorted(border for border in borders if 0 < border < duration)
    return [segment(n, *span, duration) for n, span in enumerate(pairwise([Fraction(0), *inside, duration]))]


def segment(number: int, start: Fraction, end: Fraction, duration: Fraction) -> Segment:
    """The pictures from `start` to before `end`, multiples of `GRID` or the ends of a source of `duration` seconds."""
    part = Part(0, start, end, Fraction(0), opens=start == 0, closes=end == duration)
    return Segment(number, (part,))


def _look(reader: Reader, height: int, duration: Fraction, *, dated: bool) -> Look:
    """Leave out what can be left out of a source that is long enough for it to matter."""
    rate = reader.timeline.rate
    apart = Fraction(0) if rate <= MOST_RATE else Fraction(math.ceil(rate / MOST_RATE)) / rate * Fraction(3, 4)
    if not dated or duration < 2 * MIN_SEGMENT:
        return Look(height, "rough", apart)
    start = (duration - _SAMPLE) / 2
    times = [item.time for item in reader.read(start, start + _SAMPLE) if isinstance(item, Picture)]
    return Look(height, "sparse" if len(times) >= _SAMPLE * _LEAST_RATE else "rough", apart)
