"""What branding answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.brand.levels import LoudnessReport
from media.brand.plan import Segment
from media.film import Film
from media.smartcut.result import SeamReport
from media.types import seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandResult(Film):
    """What was written, how many of its pictures are the body's, and what is on when.

    Seconds of picture `copied` and `reencoded` make up the duration. `seams` are the places where copying begins and
    ends, as they were measured; `fallback` is the code of why nothing was copied that could have been asked for.
    `loudness` is told of each sound track where one was asked for.
    """

    body_frames: int
    segments: tuple[Segment, ...]
    copied: Fraction
    reencoded: Fraction
    seams: tuple[SeamReport, ...] = ()
    fallback: str | None = None
    loudness: tuple[LoudnessReport, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings."""
        return Film.to_dict(self) | {
            "body_frames": self.body_frames,
            "segments": [
                {"kind": item.kind, "start": seconds(item.start), "end": seconds(item.end)} for item in self.segments
            ],
            "copied_s": seconds(self.copied),
            "reencoded_s": seconds(self.reencoded),
            "seams": [seam.to_dict() for seam in self.seams],
            "fallback": self.fallback,
            "loudness": [report.to_dict() for report in self.loudness],
        }
