"""What to put around and over a video: intro, outro, transition, watermark, lower thirds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Literal, get_args

from media.errors import InputError
from media.fonts import Family
from media.images import open_image
from media.source import is_image
from media.titling.cards import CardTemplate
from media.titling.lower import LowerTemplate, Side
from media.types import DEFAULT_LIMITS, Limits

Position = Literal["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]
POSITIONS: tuple[Position, ...] = get_args(Position)

DEFAULT_DURATION = Fraction(4)
LONGEST_STILL = Fraction(600)
BACKGROUND = "#101820"


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
    """Text that is drawn (`media.titling`), shown for `duration` seconds; colours are `#rrggbb`, a `color` or
    `accent` that is None goes with the background. `logo` is an image."""

    title: str
    subtitle: str = ""
    duration: Fraction = DEFAULT_DURATION
    template: CardTemplate = "plain"
    background: str = BACKGROUND
    color: str | None = None
    accent: str | None = None
    font: Family = "sans"
    logo: BinaryIO | None = None

    def __post_init__(self) -> None:
        _check_duration(self.duration)


Card = VideoCard | ImageCard | TitleCard


Way = Literal["cut", "dissolve", "fade", "wipe", "slide"]
Direction = Literal["left", "right", "up", "down"]


@dataclass(frozen=True, slots=True)
class Transition:
    """How a card meets the body: a hard cut, or over `duration` seconds a dissolve, a fade through black, a wipe or a
    slide in a `direction`. In all but the cut the sound is crossfaded."""

    type: Way = "cut"
    duration: Fraction = Fraction(0)
    direction: Direction = "left"

    def __post_init__(self) -> None:
        if self.type != "cut" and self.duration <= 0:
            raise InputError("invalid_transition", f"A {self.type} needs a duration above zero.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """An image over the body; its alpha counts, times `opacity` (0..1).

    `width` (its size) and the margins are shares of the picture's width as shown: `margin` is kept to the left and
    right edges, `margin_y`, which is `margin` if None, to the upper and lower ones. It is on from `start` to before
    `end` seconds of the body, None for its end; it fades in and out within that time.
    """

    file: BinaryIO
    position: Position = "bottom-right"
    opacity: Fraction = Fraction(8, 10)
    margin: Fraction = Fraction(3, 100)
    margin_y: Fraction | None = None
    width: Fraction = Fraction(12, 100)
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    fade_in: Fraction = Fraction(0)
    fade_out: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        most = Fraction(4, 10)
        lasts = None if self.end is None else self.end - self.start
        checks = {
            "position is one of " + ", ".join(POSITIONS): self.position in POSITIONS,
            "opacity is above 0 and at most 1": 0 < self.opacity <= 1,
            "margin is from 0 to 0.4": 0 <= self.margin <= most and 0 <= (self.margin_y or 0) <= most,
            "width is above 0 and, with both margins, at most 1": 0 < self.width <= 1 - 2 * self.margin,
            "end comes after its start": self.start >= 0 and (lasts is None or lasts > 0),
            "fades are not longer than it is on": min(self.fade_in, self.fade_out) >= 0
            and (lasts is None or self.fade_in + self.fade_out <= lasts),
        }
        for rule, holds in checks.items():
            if not holds:
                raise InputError("invalid_watermark", f"The watermark's {rule}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerThird:
    """A name and what goes with it, drawn over the body from `start` to before `end` seconds of it; it comes and goes
    within that time. Colours and `logo` as of a `TitleCard`."""

    title: str
    subtitle: str = ""
    start: Fraction
    end: Fraction
    template: LowerTemplate = "bar"
    side: Side = "left"
    background: str = BACKGROUND
    color: str | None = None
    accent: str | None = None
    font: Family = "sans"
    logo: BinaryIO | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InputError("invalid_lower_third", "A lower third's end must come after its start.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSpec:
    """Everything `brand` can add; what is None is left out. Files stay the caller's to close."""

    intro: Card | None = None
    outro: Card | None = None
    transition: Transition = Transition()
    watermark: Watermark | None = None
    lower_thirds: tuple[LowerThird, ...] = ()
    loudness: int | None = None
    """LUFS that all sound tracks are brought to; None leaves them as they are."""

    @property
    def has_overlays(self) -> bool:
        """Whether anything goes over the body."""
        return self.watermark is not None or bool(self.lower_thirds)

    @property
    def has_cards(self) -> bool:
        """Whether anything goes before or behind the body."""
        return self.intro is not None or self.outro is not None


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
