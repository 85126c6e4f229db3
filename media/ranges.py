"""The keep ranges of a cut: checked against the source, open ends closed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from media.errors import InputError
from media.types import Range, seconds

FARTHEST = Fraction(1, 10)
"""How far a cut may move to the frame beside it: seconds, more than any steady rate that people film in needs."""
# How far past the end a range may reach before that is a mistake rather than rounding.
_SLACK = Fraction(1, 10)
# What a smart cut may encode, one picture after the other on one machine: more is encoded whole, in parallel.
_EDGES = Fraction(10)
Cuts = Literal["frames", "times"]
"""Where a range is cut: from its first frame to the frame after its last one, so that frames keep their distance, or
at the very times that were asked for, so that many ranges together are as long as they should be."""
LITTLE_TO_COPY = "At most cuts the source has no keyframe at which copying can begin soon enough to be worth it."


def resolve(keep: Sequence[Range], duration: Fraction, frame: Fraction) -> list[tuple[Fraction, Fraction]]:
    """`(start, end)` of each range in the order given, for a source of `duration` seconds with frames of `frame`.

    An end at most a frame or a tenth of a second past the end of the source is drawn back to it.

    Raises:
        InputError: invalid_range (none, negative, start not before end), range_past_end.
    """
    if not keep:
        raise InputError("invalid_range", "Name at least one range to keep.")
    return [_resolve(number, item, duration, max(frame, _SLACK)) for number, item in enumerate(keep, 1)]


def most_edges(ranges: Sequence[tuple[Fraction, Fraction]], rate: Fraction) -> int:
    """How many frames, at `rate` a second, a smart cut of ranges may encode: half of them, or ten seconds if more."""
    return int(max(sum((end - start for start, end in ranges), Fraction(0)) / 2, _EDGES) * rate)


def _resolve(number: int, item: Range, duration: Fraction, slack: Fraction) -> tuple[Fraction, Fraction]:
    end = duration if item.end is None else item.end
    if item.start < 0:
        raise InputError("invalid_range", f"Range {number} starts before 0.")
    if item.end is not None and item.start >= item.end:
        raise InputError("invalid_range", f"Range {number} starts at {seconds(item.start)} s, not before its end.")
    if item.start >= duration or end > duration + slack:
        past = item.start if item.start >= duration else end
        raise InputError(
            "range_past_end",
            f"Range {number} reaches to {seconds(past)} s, but the source is {seconds(duration)} s long.",
        )
    return item.start, min(end, duration)
