"""Moves cuts to the frames beside them, so that frames keep their distance over every joint.

A cut between two frames would leave the one before it for less than its time, and show the one after it too early. So
a range is taken from its first frame to the frame after its last one, less than a frame later, as smart cuts are; its
sound is cut at the same instants. Where frames are farther apart than usual (slides), cuts stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from av.container import InputContainer
from av.error import InvalidDataError
from av.video.stream import VideoStream

from media.ranges import FARTHEST
from media.smartcut.entry import MAX_REORDER, packets_from
from media.smartcut.index import shown_ticks
from media.timeline import Timeline
from media.undated import is_undated

_Ranges = Sequence[tuple[Fraction, Fraction]]


def on_frames(
    file: BinaryIO, container: InputContainer, line: Timeline, ranges: _Ranges
) -> list[tuple[Fraction, Fraction]]:
    """The ranges, in seconds, each from a frame to a frame.

    An MP4 or MOV tells that by its index; of others the packets around each cut are read. The container is left
    somewhere.

    Raises:
        InputError: no_progress, times_jump_back.
    """
    if line.video is None or 1 / line.rate > FARTHEST:
        return list(ranges)
    video, unit = line.video, line.video.time_base or Fraction(1, 90_000)
    farthest = math.ceil(1 / line.rate / unit) + 1
    following = _by_index(file, container, video) or _by_packets(file, container, line, video)

    def moved(time: Fraction) -> Fraction:
        tick = math.ceil((time + line.origin) / unit)
        found = following(tick) if time < line.duration else None
        return time if found is None or found - tick > farthest else found * unit - line.origin

    cut = [(moved(start), moved(end)) for start, end in ranges]
    # Within a frame there is nothing to move to.
    return [after if after[0] < after[1] else before for before, after in zip(ranges, cut, strict=True)]


def _by_index(file: BinaryIO, container: InputContainer, video: VideoStream) -> Callable[[int], int | None] | None:
    if container.format.name == "avi":
        # Pictures follow each other at the times of their packets (`media.undated`); empty packets repeat one.
        shown = np.array([entry.timestamp for entry in video.index_entries if entry.size], np.int64)
    else:
        found = shown_ticks(file, container, video)
        shown = np.array([], np.int64) if found is None else found
    if not len(shown):
        return None
    ticks = np.sort(shown)

    def following(tick: int) -> int | None:
        place = int(np.searchsorted(ticks, tick))
        return int(ticks[place]) if place < len(ticks) else None

    return following


def _by_packets(
    file: BinaryIO, container: InputContainer, line: Timeline, video: VideoStream
) -> Callable[[int], int | None]:
    undated = is_undated(file, container, video)

    def following(tick: int) -> int | None:
        found: int | None = None
        later = 0
        with suppress(InvalidDataError):
            for packet in packets_from(container, [video], tick, Fraction(0), line.origin):
                stamp = packet.dts if undated else packet.pts
                if stamp is not None and stamp >= tick:
                    found = stamp if found is None else min(found, stamp)
                    later += 1
                if found is not None and (later > MAX_REORDER or (packet.dts is not None and packet.dts >= found)):
                    break
        return found

    return following
