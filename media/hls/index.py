"""What a packaged film holds, and where: all that a playlist tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media.types import seconds


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file: `size` of them from `offset` on."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: closed groups of pictures with the sound beside them, `size` bytes from `offset` on.

    `start` and `duration` are in seconds, by the clock of its file: its first picture is shown at `start`.
    """

    offset: int
    size: int
    start: Fraction
    duration: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One file: the bytes that open it (`init`), its segments, and what players ask before they fetch any.

    `codecs` is as in RFC 6381, comma separated; `size` is (width, height) as shown, None for sound alone; `rate` is in
    frames a second.
    """

    init: Span
    codecs: str
    size: tuple[int, int] | None
    rate: Fraction | None
    segments: tuple[Segment, ...]

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return sum((segment.duration for segment in self.segments), Fraction(0))

    def to_dict(self) -> dict[str, Any]:
        """JSON: segments as `[offset, size, start, duration]`, times as exact fractions."""
        return {
            "init": [self.init.offset, self.init.size],
            "codecs": self.codecs,
            "size": None if self.size is None else list(self.size),
            "rate": None if self.rate is None else str(self.rate),
            "segments": [
                [segment.offset, segment.size, str(segment.start), str(segment.duration)] for segment in self.segments
            ],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Rendition:
        """Read what `to_dict` wrote."""
        size, rate = document["size"], document["rate"]
        return cls(
            init=Span(*document["init"]),
            codecs=document["codecs"],
            size=None if size is None else (size[0], size[1]),
            rate=None if rate is None else Fraction(rate),
            segments=tuple(
                Segment(offset, length, Fraction(start), Fraction(duration))
                for offset, length, start, duration in document["segments"]
            ),
        )

    def summary(self) -> dict[str, Any]:
        """JSON for people: without the single segments."""
        return {
            "codecs": self.codecs,
            "size": None if self.size is None else list(self.size),
            "segments": len(self.segments),
            "duration": seconds(self.duration),
        }
