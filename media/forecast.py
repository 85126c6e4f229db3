"""What a cut would do, told from the keyframe map alone: nothing of the file is read, and no engine is loaded."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from media.errors import InputError
from media.facts import MediaInfo, VideoFacts
from media.keymap import KeyframeMap
from media.ranges import LITTLE_TO_COPY, most_edges, resolve
from media.types import Range, seconds

Mode = Literal["smart", "exact", "copy"]

SMART_CODECS = {"h264", "hevc"}
_FALLBACK_RATE = Fraction(25)
# Frames of the tail after the last border, for pictures that are reordered as usual.
_TAIL_FRAMES = 3
# Pixels and frames that one core gets through in a second: encoding, decoding 8-bit H.264, copying.
_ENCODED_PIXELS = {"h264": 60_000_000, "hevc": 15_000_000}
_DECODED_PIXELS = 300_000_000
_COPIED_FRAMES = 8_000
# Edges are encoded better than their surroundings.
_EDGE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class CutPlan:
    """What is to be expected of a cut: `mode` is the one that would be used, for `reason` where it is not the one
    asked; `ranges` are what comes out; `frames` of which `reencoded_frames` are encoded; `cpu` seconds and `size` in
    bytes are estimates."""

    mode: Mode
    reason: str | None
    ranges: tuple[Range, ...]
    frames: int
    reencoded_frames: int
    cpu: Fraction
    size: int

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return {
            "mode": self.mode,
            "reason": self.reason,
            "ranges": [item.to_dict() for item in self.ranges],
            "frames": self.frames,
            "reencoded_frames": self.reencoded_frames,
            "estimated_cpu_s": seconds(self.cpu),
            "estimated_bytes": self.size,
        }


def plan_cut(found: KeyframeMap, media: MediaInfo, keep: Sequence[Range], mode: Mode = "smart") -> CutPlan:
    """Foretell a cut of a probed file.

    A smart cut is planned as if it could enter at every keyframe; where a source has open groups that cannot be
    entered, or changes on the way, the cut itself finds out and encodes more.

    Raises:
        InputError: no_video, invalid_range, range_past_end.
    """
    video = media.main_video
    if video is None or media.duration is None:
        raise InputError("no_video", "The file has no moving picture.")
    rate = video.nominal_rate or video.frame_rate or _FALLBACK_RATE
    asked = resolve(keep, media.duration, 1 / rate)
    reason = None if mode == "exact" else _obstacle(video)
    used: Mode = mode if reason is None else "exact"
    map_ = _Map(found, media)
    ranges = [map_.snapped(start, end) if used == "copy" else (start, end) for start, end in asked]
    frames = [map_.frames_between(start, end) for start, end in ranges]
    edges = [map_.edge_frames(*item, total) for item, total in zip(ranges, frames, strict=True)]
    if used == "smart" and sum(edges) > most_edges(asked, rate):
        used, reason = "exact", LITTLE_TO_COPY
    encoded = {"smart": sum(edges), "exact": sum(frames), "copy": 0}[used]
    return CutPlan(
        mode=used,
        reason=reason,
        ranges=tuple(Range(start, end) for start, end in ranges),
        frames=sum(frames),
        reencoded_frames=encoded,
        cpu=_cost(video, sum(frames), encoded),
        size=sum(map_.bytes_between(start, end) for start, end in ranges)
        + (encoded * map_.frame_bytes * (_EDGE_WEIGHT - 1) if used == "smart" else 0),
    )


def _obstacle(video: VideoFacts) -> str | None:
    if video.codec not in SMART_CODECS:
        return f"Pictures in {video.codec} cannot be copied into a cut."
    return "The source is interlaced." if video.interlaced else None


def _cost(video: VideoFacts, frames: int, encoded: int) -> Fraction:
    pixels = video.width * video.height
    codec = "hevc" if video.codec == "hevc" else "h264"
    work = Fraction(encoded * pixels, _ENCODED_PIXELS[codec]) + Fraction(encoded * pixels, _DECODED_PIXELS)
    return work + Fraction(frames - encoded, _COPIED_FRAMES)


class _Map:
    """Frames, bytes and keyframes at any time, as if frames and bytes were even within a group."""

    def __init__(self, found: KeyframeMap, media: MediaInfo) -> None:
        assert media.duration is not None
        self._end = media.duration
        self._times = [keyframe.time for keyframe in found.keyframes]
        self._counts = [keyframe.frames for keyframe in found.keyframes]
        places = [keyframe.position for keyframe in found.keyframes]
        known = all(place is not None for place in places) and places == sorted(places, key=lambda place: place or 0)
        self._places = [place or 0 for place in places] if known else None
        self._size = media.size
        self.frame_bytes = media.size // max(found.frames, 1)

    def frames_between(self, start: Fraction, end: Fraction) -> int:
        """About how many frames are shown from `start` on and before `end`; at least one."""
        return max(math.ceil(self._frames_to(end)) - math.ceil(self._frames_to(start)), 1)

    def edge_frames(self, start: Fraction, end: Fraction, total: int) -> int:
        """Frames before the first keyframe inside, and a few at the end unless it is at a keyframe or at the end."""
        number = bisect_left(self._times, start)
        if number == len(self._times) or self._times[number] >= end:
            return total
        lead = round(self._frames_to(self._times[number])) - math.ceil(self._frames_to(start))
        at_border = end >= self._end or end in self._times
        return min(lead + (0 if at_border else _TAIL_FRAMES), total)

    def snapped(self, start: Fraction, end: Fraction) -> tuple[Fraction, Fraction]:
        """From the last keyframe at or before `start`."""
        number = max(bisect_right(self._times, start) - 1, 0)
        return self._times[number], end

    def bytes_between(self, start: Fraction, end: Fraction) -> int:
        """About how many bytes of the file lie between two times, all tracks together."""
        if self._places is None:
            return round(self._size * (end - start) / self._end)
        return round(self._place_at(end) - self._place_at(start))

    def _frames_to(self, time: Fraction) -> Fraction:
        number = max(bisect_right(self._times, time) - 1, 0)
        return sum(self._counts[:number]) + self._within(number, time) * self._counts[number]

    def _place_at(self, time: Fraction) -> Fraction:
        assert self._places is not None
        number = max(bisect_right(self._times, time) - 1, 0)
        following = self._places[number + 1] if number + 1 < len(self._places) else self._size
        return self._places[number] + self._within(number, time) * (following - self._places[number])

    def _within(self, number: int, time: Fraction) -> Fraction:
        """How much of a group has passed, from 0 to 1."""
        begin = self._times[number]
        end = self._times[number + 1] if number + 1 < len(self._times) else self._end
        return min(max((time - begin) / (end - begin), Fraction(0)), Fraction(1)) if end > begin else Fraction(0)
