"""Pad and background: room around the picture, and a colour behind it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.image.lengths import ZERO, Length
from media.image.operations.base import TRANSPARENT, Effect, SameSize, canvas, put
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad:
    """Room in `color` on each side; shares are of the width (left, right) and of the height (top, bottom)."""

    top: Length = ZERO
    right: Length = ZERO
    bottom: Length = ZERO
    left: Length = ZERO
    color: str = TRANSPARENT

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Picture and room."""
        return (
            width + self.left.pixels(width) + self.right.pixels(width),
            height + self.top.pixels(height) + self.bottom.pixels(height),
        )

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Put each frame on a canvas; where it is transparent, it stays so."""
        size = self.size(*first.size)
        corner = (self.left.pixels(first.width), self.top.pixels(first.height))

        def padded(frame: Image.Image) -> Image.Image:
            made = canvas(size, self.color, frame)
            made.paste(frame, corner)
            return made

        return padded


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(SameSize):
    """`color` behind what is transparent."""

    color: str = "#ffffff"

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Fill; a picture that is opaque stays as it is."""
        return lambda frame: flatten(frame, self.color)


def flatten(image: Image.Image, colour: str) -> Image.Image:
    """The picture before a colour: RGB if that is opaque."""
    if image.mode != "RGBA":
        return image
    return put(canvas(image.size, colour, image.convert("RGB")), image, (0, 0))
