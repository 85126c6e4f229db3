"""What branding answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.brand.plan import Segment
from media.smartcut.result import SeamReport
from media.types import Notice, seconds


@dataclass(frozen=True, slots=True)
class BrandResult:
    """What was written: `duration` in seconds, pictures and sound tracks, and what is on when.

    Seconds of picture `copied` and `reencoded` make up the duration. `seams` are the places where copying begins and
    ends, as they were measured; `fallback` is the code of why nothing was copied that could have been asked for.
    """

    duration: Fraction
    frames: int
    body_frames: int
    audio_tracks: int
    segments: tuple[Segment, ...]
    copied: Fraction
    reencoded: Fraction
    warnings: tuple[Notice, ...]
    seams: tuple[SeamReport, ...] = ()
    fallback: str | None = None
    subtitle_tracks: int = 0
    chapters: int = 0
    covers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return {
            "duration": seconds(self.duration),
            "frames": self.frames,
            "body_frames": self.body_frames,
            "audio_tracks": self.audio_tracks,
            "subtitle_tracks": self.subtitle_tracks,
            "chapters": self.chapters,
            "covers": self.covers,
            "segments": [
                {"kind": item.kind, "start": seconds(item.start), "end": seconds(item.end)} for item in self.segments
            ],
            "copied_s": seconds(self.copied),
            "reencoded_s": seconds(self.reencoded),
            "seams": [seam.to_dict() for seam in self.seams],
            "fallback": self.fallback,
            "warnings": [warning.to_dict() for warning in self.warnings],
        }
