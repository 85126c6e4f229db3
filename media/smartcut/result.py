"""What a cut answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.film import Film
from media.types import Range, seconds


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartCutResult(Film):
    """What was written. Seconds of picture `copied` and `reencoded` make up the `duration`; `ranges` are as they were
    cut, which may differ from those asked by less than a frame (in copy mode by a group of pictures)."""

    ranges: tuple[Range, ...]
    copied: Fraction
    reencoded: Fraction
    seams: tuple[SeamReport, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return Film.to_dict(self) | {
            "ranges": [item.to_dict() for item in self.ranges],
            "copied_s": seconds(self.copied),
            "reencoded_s": seconds(self.reencoded),
            "seams": [seam.to_dict() for seam in self.seams],
        }
