"""What a cut answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.types import Notice, Range, seconds


@dataclass(frozen=True, slots=True)
class SeamReport:
    """A proven seam: `at` seconds of the output, `frames` encoded there, their worst PSNR (luma, dB) to the source, and
    how much later than its picture the sound is there, in milliseconds. None where nothing was to be measured."""

    at: Fraction
    frames: int
    psnr_db: float | None
    av_offset_ms: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON: `at` a decimal string, measurements rounded numbers."""
        return {
            "at": seconds(self.at),
            "frames": self.frames,
            "psnr_db": None if self.psnr_db is None else round(self.psnr_db, 2),
            "av_offset_ms": None if self.av_offset_ms is None else round(self.av_offset_ms, 2),
        }


@dataclass(frozen=True, slots=True)
class SmartCutResult:
    """What was written. Seconds of picture `copied` and `reencoded` make up the `duration`; `ranges` are as they were
    cut, which may differ from those asked by less than a frame (in copy mode by a group of pictures)."""

    duration: Fraction
    frames: int
    audio_tracks: int
    ranges: tuple[Range, ...]
    copied: Fraction
    reencoded: Fraction
    seams: tuple[SeamReport, ...]
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
            "ranges": [item.to_dict() for item in self.ranges],
            "copied_s": seconds(self.copied),
            "reencoded_s": seconds(self.reencoded),
            "seams": [seam.to_dict() for seam in self.seams],
            "warnings": [warning.to_dict() for warning in self.warnings],
        }
