"""Where the exact encode of a source at hand is cut into segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from media.grid import on_frames
from media.keymap import KeyframeMap
from media.ranges import resolve
from media.segments.pictures import WITHOUT_TIMES
from media.segments.plan import Segment, plan_segments
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Range


def split(
    source: BinaryIO,
    keyframes: KeyframeMap | None,
    keep: Sequence[Range],
    *,
    width: int,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[tuple[Segment, ...], bool]:
    """Cut the encode of `keep` into segments for about `width` workers; one segment where splitting is of no use.

    Tell besides whether the source has sound, which is encoded apart.

    `keyframes` is the map of the source, None when it has no moving picture. Of the source the header is read, for its
    exact length, and what it takes to put the cuts on frames (`media.grid`).

    Raises:
        InputError: as `open_source`, and too_long, invalid_range, range_past_end.
    """
    with open_source(source, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        keep = [Range(*cut) for cut in on_frames(source, container, line, resolve(keep, line.duration, 1 / line.rate))]
        known = keyframes if line.video is not None and container.format.name not in WITHOUT_TIMES else None
        plan = plan_segments(known, keep, duration=line.duration, rate=line.rate, width=width)
        return plan, bool(line.audio)
