"""The keyframe map: where a source can be entered, as plain data that needs no engine to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from media.types import seconds


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A keyframe: seconds from the presentation start, frames from it to the next keyframe in decoding order, and the
    byte of the file at which its packet begins, or the cluster with it (None where the container does not tell)."""

    time: Fraction
    frames: int
    position: int | None


@dataclass(frozen=True, slots=True)
class KeyframeMap:
    """All keyframes of the main picture; `read` tells whether the index was enough, or the cues of Matroska, by which
    frames are counted at the nominal rate, or every packet was read."""

    keyframes: tuple[Keyframe, ...]
    read: Literal["index", "cues", "packets"]

    @property
    def frames(self) -> int:
        """Frames of the stream from the first keyframe on."""
        return sum(keyframe.frames for keyframe in self.keyframes)

    def to_dict(self) -> dict[str, Any]:
        """JSON in columns: `{"frames", "read", "times": […], "gop_frames": […], "positions": […]}`."""
        return {
            "frames": self.frames,
            "read": self.read,
            "times": [seconds(keyframe.time) for keyframe in self.keyframes],
            "gop_frames": [keyframe.frames for keyframe in self.keyframes],
            "positions": [keyframe.position for keyframe in self.keyframes],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> KeyframeMap:
        """Read what `to_dict` wrote."""
        columns = zip(document["times"], document["gop_frames"], document["positions"], strict=True)
        return cls(tuple(Keyframe(Fraction(time), frames, place) for time, frames, place in columns), document["read"])
