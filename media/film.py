"""What every way of writing a film tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.types import Notice, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film that was written: `duration` in seconds, `frames` of picture (0 for sound alone), how many tracks and
    chapters it has, and what its maker should know."""

    duration: Fraction
    frames: int
    audio_tracks: int
    warnings: tuple[Notice, ...]
    subtitle_tracks: int = 0
    chapters: int = 0
    covers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return {
            "duration": seconds(self.duration),
            "frames": self.frames,
            "audio_tracks": self.audio_tracks,
            "subtitle_tracks": self.subtitle_tracks,
            "chapters": self.chapters,
            "covers": self.covers,
            "warnings": [warning.to_dict() for warning in self.warnings],
        }
