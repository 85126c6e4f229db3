"""Tells a remote file what will be read of it, so that it fetches that in few requests, and nothing beyond.

The index of an MP4 or MOV names the place of every sample. Other containers have none, or only one of keyframes: of
these nothing is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from media.expecting import Expecting
from media.timeline import Timeline

# Sound before a cut, with which decoders warm up.
_LEAD = Fraction(3, 10)
# Pictures that are read beyond the end: as many as H.264 and HEVC can reorder, and those in a decoder's threads.
_LATER = 20


def announce(
    file: BinaryIO, container: InputContainer, line: Timeline, ranges: Iterable[tuple[Fraction, Fraction]]
) -> None:
    """Tell `file`, if it wants to know, what it takes to read the ranges of seconds."""
    if not isinstance(file, Expecting) or not container.format.name.startswith("mov,"):
        return
    pictures: list[VideoStream | AudioStream] = [] if line.video is None else [line.video]
    streams = [*pictures, *line.audio]
    found = []
    for start, end in ranges:
        first = _entered(streams[0], start + line.origin - _LEAD)
        places = [_place(stream, first, end + line.origin + _LATER / line.rate) for stream in streams]
        found += [place for place in places if place is not None]
    file.expect(_joined(found))


def _entered(stream: VideoStream | AudioStream, time: Fraction) -> Fraction:
    """The keyframe at or before a time, in seconds: there all streams are entered together."""
    unit = stream.time_base or Fraction(1)
    found = stream.index_entries.search_timestamp(math.floor(time / unit), backward=True)
    return time if found < 0 else min(stream.index_entries[found].timestamp * unit, time)


def _place(stream: VideoStream | AudioStream, start: Fraction, end: Fraction) -> tuple[int, int] | None:
    """From the sample at `start` to the end of the one at `end`, as bytes."""
    entries, unit = stream.index_entries, stream.time_base or Fraction(1)
    if not len(entries):
        return None
    first = max(entries.search_timestamp(math.floor(start / unit), backward=True, any_frame=True), 0)
    last = entries.search_timestamp(math.ceil(end / unit), backward=False, any_frame=True)
    final = entries[last if last >= 0 else len(entries) - 1]
    return entries[first].pos, final.pos + final.size


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
