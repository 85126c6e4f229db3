"""Round: corners cut off along a quarter of a circle."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from media.image.lengths import TWENTIETH, Length
from media.image.operations.base import Effect, SameSize
from media.types import Notices

_FINE = 4
"""Corners are drawn so many times larger and reduced, which smooths their edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundCorners(SameSize):
    """Corners of `radius`, of the shorter side; 50 % makes a circle of a square. What is cut off is transparent."""

    radius: Length = TWENTIETH

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Draw the shape once and multiply each frame's alpha channel by it."""
        shape = _shape(first.size, self.radius.pixels(min(first.size)))

        def rounded(frame: Image.Image) -> Image.Image:
            made = frame.convert("RGBA")
            made.putalpha(ImageChops.multiply(made.getchannel("A"), shape))
            return made

        return rounded


def _shape(size: tuple[int, int], radius: int) -> Image.Image:
    radius = min(radius, min(size) // 2)
    mask = Image.new("L", size, 255)
    if radius == 0:
        return mask
    corner = Image.new("L", (radius * _FINE, radius * _FINE), 0)
    # Pillow's ellipse includes its right and bottom border.
    ImageDraw.Draw(corner).ellipse((0, 0, 2 * radius * _FINE - 1, 2 * radius * _FINE - 1), fill=255)
    corner = corner.reduce(_FINE)
    right, bottom = size[0] - radius, size[1] - radius
    mask.paste(corner, (0, 0))
    mask.paste(corner.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (right, 0))
    mask.paste(corner.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (0, bottom))
    mask.paste(corner.transpose(Image.Transpose.ROTATE_180), (right, bottom))
    return mask
