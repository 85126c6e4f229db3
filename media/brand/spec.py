"""What to put around and over a video: intro, outro, transition, watermark."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Literal

from media.errors import InputError
from media.images import open_image
from media.source import is_image
from media.types import DEFAULT_LIMITS, Limits

Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]
POSITIONS: tuple[Position, ...] = ("top-left", "top-right", "bottom-left", "bottom-right", "center")

DEFAULT_DURATION = Fraction(4)
LONGEST_STILL = Fraction(600)


@dataclass(frozen=True, slots=True)
class VideoCard:
    """A video that is played whole, with its main sound track."""

    file: BinaryIO


@dataclass(frozen=True, slots=True)
class ImageCard:
    """A JPEG, PNG or WebP image, shown for `duration` seconds on black."""

    file: BinaryIO
    duration: Fraction = DEFAULT_DURATION

    def __post_init__(self) -> None:
        _check_duration(self.duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleCard:
    """Text that is drawn (`media.titles`), shown for `duration` seconds; colours are `#rrggbb`."""

    title: str
    subtitle: str = ""
    duration: Fraction = DEFAULT_DURATION
    background: str = "#101820"
    color: str = "#ffffff"

    def __post_init__(self) -> None:
        _check_duration(self.duration)


Card = VideoCard | ImageCard | TitleCard


@dataclass(frozen=True, slots=True)
class Transition:
    """How a card meets the body: a hard cut, or a crossfade of picture and sound over `duration` seconds."""

    type: Literal["cut", "crossfade"] = "cut"
    duration: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.type == "crossfade" and self.duration <= 0:
            raise InputError("invalid_transition", "A crossfade needs a duration above zero.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """An image over the body; its alpha counts, times `opacity` (0..1).

    `width` and `margin` (to both near edges) are fractions of the picture's width as shown.
    """

    file: BinaryIO
    position: Position = "bottom-right"
    opacity: Fraction = Fraction(8, 10)
    margin: Fraction = Fraction(3, 100)
    width: Fraction = Fraction(12, 100)

    def __post_init__(self) -> None:
        checks = {
            "position is one of " + ", ".join(POSITIONS): self.position in POSITIONS,
            "opacity is above 0 and at most 1": 0 < self.opacity <= 1,
            "margin is from 0 to 0.4": 0 <= self.margin <= Fraction(4, 10),
            "width is above 0 and, with both margins, at most 1": 0 < self.width <= 1 - 2 * self.margin,
        }
        for rule, holds in checks.items():
            if not holds:
                raise InputError("invalid_watermark", f"The watermark's {rule}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSpec:
    """Everything `brand` can add; what is None is left out. Files stay the caller's to close."""

    intro: Card | None = None
    outro: Card | None = None
    transition: Transition = Transition()
    watermark: Watermark | None = None


def card_from_file(
    file: BinaryIO, duration: Fraction | None = None, *, limits: Limits = DEFAULT_LIMITS
) -> VideoCard | ImageCard:
    """Decide by content whether a file is an image, shown for `duration` seconds (4 if None), or a video.

    Raises:
        InputError: an image that is damaged, too large, or of a kind that is not read; invalid_duration.
    """
    if not is_image(file):
        return VideoCard(file)
    open_image(file, limits)
    return ImageCard(file, DEFAULT_DURATION if duration is None else duration)


def _check_duration(duration: Fraction) -> None:
    if not 0 < duration <= LONGEST_STILL:
        raise InputError("invalid_duration", f"A card is shown for more than 0 and at most {LONGEST_STILL} seconds.")
