"""What the stages of the engine share: ranges, limits, notices, progress, and time as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from media.errors import InputError

if TYPE_CHECKING:
    # Not at run time: the API forecasts cuts with these types and loads neither NumPy nor PyAV.
    import numpy as np
    import numpy.typing as npt

# A fraction from 0 to 1, reported at least once a second of work. It may raise (to cancel): the engine then removes
# what it half wrote and lets the exception through.
Progress = Callable[[Fraction], None]

# Sound as float samples in -1 … 1, of shape (channels, count).
Samples: TypeAlias = "npt.NDArray[np.float32]"

_MICROSECOND = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open stretch `[start, end)` of seconds from the presentation start; no end means to the end."""

    start: Fraction
    end: Fraction | None = None

    def to_dict(self) -> dict[str, str | None]:
        """JSON: decimal strings, `null` for an open end."""
        return {"start": seconds(self.start), "end": None if self.end is None else seconds(self.end)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may ask of the machine; beyond it the file is refused, never worked on."""

    max_pixels: int = 8192 * 4320
    """Pixels of one coded frame."""
    max_duration: Fraction = Fraction(12 * 3600)
    """Seconds, as the container declares them."""
    max_streams: int = 64
    max_samples: int = 12_000_000
    """Of an MP4's or MOV's index, all tracks together: 12 hours at 120 frames a second, with three tracks of sound."""
    max_image_bytes: int = 100 * 2**20
    """Of an image's file: it is read whole."""
    max_image_pixels: int = 64_000_000
    """Of one frame of an image, as it comes and after each operation."""
    max_image_frames: int = 1_000
    max_animation_pixels: int = 200_000_000
    """Of all frames of an animation together, as it comes and as it goes."""

    def check_duration(self, duration: Fraction) -> None:
        """Raise InputError `too_long` for more than `max_duration` seconds."""
        if duration > self.max_duration:
            raise InputError("too_long", f"The file is longer than {seconds(self.max_duration / 3600)} hours.")


DEFAULT_LIMITS = Limits()
NO_LIMITS = Limits(max_duration=Fraction(1 << 40), max_samples=1 << 40)
"""For what the engine wrote itself: ranges may be kept many times, and a result be longer than any source."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know about a result that is otherwise good."""

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """JSON: `{"code", "message"}`."""
        return {"code": self.code, "message": self.message}


class Notices:
    """Notices in the order they came up, one for each code."""

    def __init__(self) -> None:
        self._items: dict[str, Notice] = {}

    def add(self, code: str, message: str) -> None:
        """Remember the first notice of each code."""
        self._items.setdefault(code, Notice(code, message))

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._items.values())


def no_progress(fraction: Fraction) -> None:
    """The listener of a caller that does not listen."""


def seconds(value: Fraction) -> str:
    """Seconds as a plain decimal string, exact to the microsecond: `"2.5"`, `"0"`, `"33.366667"`."""
    decimal = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_MICROSECOND, ROUND_HALF_EVEN)
    text = f"{decimal:f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
